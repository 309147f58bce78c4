"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("studyapp.views.health")),
    path("", include("studyapp.views.arriving")),
    path("", include("studyapp.views.steps")),
    path("", include("studyapp.views.rater")),
    path("", include("studyapp.views.leaving")),
    path("", include("studyapp.views.media")),
    path("", include("studyapp.views.research")),
    path("", include("studyapp.views.preview")),
    path("", include("studyapp.views.results")),
    path("", include("studyapp.views.raters")),
    path("", include("studyapp.views.people")),
    path("", include("studyapp.views.looking")),
    path("", include("studyapp.views.clip_library")),
    path("", include("studyapp.views.study_files")),
    path("", include("studyapp.views.soundtracks")),
    path("", include("studyapp.views.planning")),
    path("", include("studyapp.views.running")),
    path("", include("studyapp.views.sharing")),
    path("", include("studyapp.views.team")),
    path("", include("studyapp.views.webhooks")),
    path("", include("studyapp.views.tokens")),
    path("", include("studyapp.api.urls")),
    path("admin/", admin.site.urls),
]
