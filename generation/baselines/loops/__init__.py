"""Loop retrieval, not Mubert: tags of a prompt choose loops of a local library, arranged to a clip's length."""
