"""Objective measures of music for video, one a file, and the commands that apply them to the cascade.

A measure takes float32 waves [samples] and says in its docstring its direction, unit and source.
"""
