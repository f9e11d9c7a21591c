"""Which view answers which path."""

from django.urls import path

from django_project import views

urlpatterns = [
    path("", views.index),
    path("sync", views.index_sync),
    path("echo", views.echo),
    path("checksum", views.checksum),
    path("numbers", views.numbers),
    path("events", views.events),
    path("listeners", views.listeners),
]
