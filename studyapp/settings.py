"""One settings module; everything that differs between machines comes from the environment (.env.example).

Two shapes: with DATABASE_URL unset Duet is *embedded* (SQLite, file broker, a secret made on first use, local
hosts only); with DATABASE_URL set it is *deployed* and every secret and host must be given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import dj_database_url
from csp.constants import NONE, SELF

from studyapp import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.text("DUET_VAR", str(BASE_DIR / "var")))
EMBEDDED = not env.text("DATABASE_URL")

SECRET_KEY = env.secret("DUET_SECRET_KEY", embedded_file=VAR / "secret-key" if EMBEDDED else None)
DEBUG = env.flag("DUET_DEBUG")
ALLOWED_HOSTS = env.hosts("DUET_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if EMBEDDED else "")
CSRF_TRUSTED_ORIGINS = env.listing("DUET_CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "studyapp.admin_config.DuetAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "studyapp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "studyapp.upload_limit.UploadLimit",
]
ROOT_URLCONF = "studyapp.urls"
WSGI_APPLICATION = "studyapp.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        # Quoted, for a folder's name may hold what means something in a URL.
        env.text("DATABASE_URL") or f"sqlite:///{quote(str(VAR / 'duet.sqlite3'))}",
        conn_max_age=60,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE takes the write lock at BEGIN: SQLite ignores select_for_update, and a deferred transaction
    # that upgrades later fails at once with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "studyapp.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "studyapp.rights.StudyRoles"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
# Raters' pages speak the languages of studyapp/languages.py; researchers' pages are English.
LOCALE_PATHS = [BASE_DIR / "studyapp" / "locale"]
# Dates of the admin with the day first, as on every other page.
FORMAT_MODULE_PATH = "studyapp.formats"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [("vendor", BASE_DIR / "analysis" / "assets")]  # the report's plotly.js, one copy for both
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
MEDIA_ROOT = VAR / "media"
# Uploads of gigabytes wait here and not in /tmp, which is memory where Duet is deployed.
FILE_UPLOAD_TEMP_DIR = env.folder(VAR / "scratch")
# Of one form with files, and of what an archive unpacks to; nginx (docker-compose.yml) has the same limit.
MAX_UPLOAD_BYTES = env.number("DUET_MAX_UPLOAD_BYTES", 4 * 2**30)
# Below these, and nowhere else on the server, a researcher may name what is to be imported.
IMPORT_FOLDERS = [Path(name) for name in env.listing("DUET_IMPORT_FOLDERS")] or [env.folder(VAR / "import")]
# A study's form has a field for each clip, and an import a file for each.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
DATA_UPLOAD_MAX_NUMBER_FILES = 5_000
# With nginx in front, Django answers with X-Accel-Redirect under this internal prefix instead of the bytes.
MEDIA_ACCEL_PREFIX = env.text("DUET_MEDIA_ACCEL_PREFIX")

# The empty-element hash admits the one empty <style> that plotly.js inserts.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "style-src": [SELF, _EMPTY_STYLE],
        "img-src": [SELF, "data:"],
        # A trial's videos are whole in memory before it can start (js/rater/loading.js).
        "media-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
HTTPS = env.flag("DUET_HTTPS", default=not EMBEDDED)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = env.number("DUET_HSTS_SECONDS", 31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("DUET_BEHIND_PROXY", default=not EMBEDDED) else None
)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL") or "duetfs://embedded"
# Where the embedded broker keeps its messages.
EMBEDDED_BROKER_DIR = VAR / "broker"
# "auto" finds out; "cpu" or "cuda" decide.
GENERATION_DEVICE = env.text("DUET_DEVICE", "auto")
GENERATION_THREADS = env.number("DUET_TORCH_THREADS", 1)
# Hosts of private networks that webhooks may be sent to; a researcher's address must be public otherwise.
WEBHOOK_HOSTS = env.listing("DUET_WEBHOOK_HOSTS")
# Where people reach the site, for links in mail.
SITE_ADDRESS = next(iter(CSRF_TRUSTED_ORIGINS), "")
# Without a server to send it through, mail about a study goes to the log of the worker that would have sent it.
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
EMAIL_PORT = env.number("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "duet@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("DUET_LOG_LEVEL", "WARNING")},
}
