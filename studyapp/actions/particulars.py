"""What goes wherever a study's ratings go: what raters were told, what was compared, what was amended."""

from __future__ import annotations

import json

from studyapp.briefings import consent_record
from studyapp.models import Study
from studyapp.plan.amendments import AMENDMENTS, COLUMNS, amendment_rows
from studyapp.results.exports import system_cards


def particulars(study: Study) -> dict[str, bytes]:
    """Content of consent.json, systems.csv and amendments.csv, by name."""
    from analysis.files import csv_text
    from analysis.system_cards import cards_frame

    told = json.dumps(consent_record(study), ensure_ascii=False, indent=1)
    return {
        "consent.json": (told + "\n").encode(),
        "systems.csv": csv_text(cards_frame(system_cards(study))).encode(),
        AMENDMENTS: amendments_csv(study).encode(),
    }


def amendments_csv(study: Study) -> str:
    """One line for each change after opening, none for a study that was not changed."""
    import pandas as pd

    from analysis.files import csv_text

    return csv_text(pd.DataFrame(amendment_rows(study), columns=list(COLUMNS)))
