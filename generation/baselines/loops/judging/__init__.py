"""Whether loop retrieval plays what a prompt says, heard by a tagger that knows nothing of prompts."""
