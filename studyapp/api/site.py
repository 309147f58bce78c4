"""The API itself: its routers, and the document that describes them."""

from __future__ import annotations

from ninja import NinjaAPI
from ninja.operation import Operation

from studyapp.api import clips, datasets, members, sessions, stimuli, study_files, systems, waves
from studyapp.api.access import Token
from studyapp.api.refusing import refuse_in_one_shape

ROOT = "/api/v1/"
_DESCRIPTION = """\
Most of what Duet's pages do with studies, for scripts. Send a token with each request, in the header
`Authorization: Bearer duet_…`; a token can do what its owner can. What is refused is answered with
`{"error": "a sentence that says what to do"}`. Lists come a page at a time: ask again with `after` set to the
`next` of the page before, until it is null."""


class DuetAPI(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        """What generated clients call the route: the function's name, without the module it happens to be in."""
        return str(operation.view_func.__name__)


# Its own page of documentation is Swagger's, a script of 1.5 MB; docs.py writes one that needs none.
api = DuetAPI(
    title="Duet",
    version="1",
    description=_DESCRIPTION,
    openapi_url=None,
    docs_url=None,
    auth=Token(),
    urls_namespace="api",
)
refuse_in_one_shape(api)
for _router in (study_files, clips, systems, stimuli, sessions, waves, datasets, members):
    api.add_router("", _router.router)
