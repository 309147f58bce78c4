"""Puts Duet's home page in place of the admin's own. Not in apps.py: that may hold one default config only."""

from django.contrib.admin.apps import AdminConfig


class DuetAdminConfig(AdminConfig):
    default_site = "studyapp.admin_site.DuetAdminSite"
