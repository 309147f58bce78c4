"""How ``cmt-tiny`` is trained: on music that the project composes itself, without any video."""
