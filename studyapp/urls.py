"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("studyapp.views.health")),
    path("admin/", admin.site.urls),
]
