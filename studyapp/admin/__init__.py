"""The researchers' pages: lists and forms. What a study does next is on its own page (views.research)."""

from studyapp.admin import accounts, clips, evidence, marks, people, records, studies, systems, texts

__all__ = ["accounts", "clips", "evidence", "marks", "people", "records", "studies", "systems", "texts"]
