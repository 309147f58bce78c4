"""What is known of clips: genres by rule, tags, problems, and drawing them by a seed."""
