"""The researchers' pages: lists and forms. What a study does next is on its own page (views.research)."""

from studyapp.admin import accounts, clips, evidence, marks, studies, systems

__all__ = ["accounts", "clips", "evidence", "marks", "studies", "systems"]
