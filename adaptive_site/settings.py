"""Settings, from environment variables only. README.md lists them; a test compares the two."""

from __future__ import annotations

from adaptive_site import environment as env
from adaptive_site.environment import BASE_DIR
from adaptive_site.sqlite import prefer_sound_library

prefer_sound_library()

# Who and where
DEBUG = env.flag("DEBUG")
SECRET_KEY = env.secret_key(debug=DEBUG)
DATA_DIR = env.data_dir()
HTTPS = env.flag("HTTPS", default=not DEBUG)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

# Limits, in bytes unless the name says otherwise
MAX_REQUEST_BYTES = env.integer("MAX_REQUEST_MB", 64, least=1, most=2048) * 1024 * 1024
# Of an upload; such a body goes to the disk as it arrives, whereas others are held in memory.
MAX_PART_BYTES = 100 * 1024 * 1024
MAX_IMAGE_BYTES = env.integer("MAX_IMAGE_MB", 20, least=1, most=2048) * 1024 * 1024
MAX_IMAGE_PIXELS = env.integer("MAX_IMAGE_MEGAPIXELS", 40, least=1, most=1000) * 1_000_000
QUERY_SECONDS = env.integer("QUERY_SECONDS", 10, least=1, most=3_600)
TEXT_INDEX = env.flag("TEXT_INDEX", default=True)
# What is kept on the disk while the store cannot be written to, and what a model may answer at most.
SPOOL_BYTES = env.integer("SPOOL_MB", 1024, least=1, most=1_000_000) * 1024 * 1024
MAX_ANSWER_BYTES = env.integer("MAX_ANSWER_MB", 64, least=1, most=2048) * 1024 * 1024
# How long calls of models that are under way may go on when the server was told to end.
STOP_SECONDS = env.integer("STOP_SECONDS", 10, least=0, most=3_600)
REQUEST_SECONDS = env.integer("REQUEST_SECONDS", 120, least=1, most=86_400)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_filters",
    "django_htmx",
    "ninja",
    "interactions",
]

MIDDLEWARE = [
    "interactions.web.middleware.SecurityHeaders",
    "interactions.api_rest.middleware.ErrorsAsJson",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

# A write carries a bearer key and no cookie, and stays in the event loop: it needs none of the others. Innermost first.
WRITE_MIDDLEWARE = [
    "interactions.web.middleware.Security",
    "interactions.api_rest.middleware.ErrorsAsJson",
    "interactions.web.middleware.SecurityHeaders",
]

ROOT_URLCONF = "adaptive_site.urls"
ASGI_APPLICATION = "adaptive_site.asgi.application"
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
            ],
        },
    },
    {  # for what is drawn fifty times on a page
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates" / "jinja"],
        "OPTIONS": {"trim_blocks": True, "lstrip_blocks": True, "auto_reload": DEBUG},
    },
]

# Store
DATABASES = {"default": env.database(env.text("DATABASE_URL", f"sqlite:///{DATA_DIR}/interactions.sqlite3"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_REQUEST_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000  # the rows of the largest page, all selected, are 1,000
STORAGES = {
    "default": {
        "BACKEND": "interactions.database.DurableFiles",
        "OPTIONS": {"location": DATA_DIR / "images"},
    },
    "staticfiles": {"BACKEND": "interactions.web.staticfiles.VersionedFiles"},
}

# People
AUTH_USER_MODEL = "interactions.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "interactions.passwords.OneTimePasswords"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

# Pages
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Files are served from where they lie, so there is no collecting step; their URLs carry a hash, so they never go stale.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 31_536_000

# Transport
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("TRUST_PROXY") else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "WARNING")},
}
