"""A Django project with channels: `tricorn --app-dir examples django_project.asgi:application`."""
