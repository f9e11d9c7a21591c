"""The least that Django needs: no database, no templates, one list of URLs."""

DEBUG = False
SECRET_KEY = "an example has no secrets"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "django_project.urls"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
INSTALLED_APPS = ["channels"]
USE_TZ = True
