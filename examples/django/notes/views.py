import os

from django.http import HttpResponse
from django.utils.html import format_html, format_html_join

from notes.models import Note


def index(request):
    notes = format_html_join("", "<li>{}</li>", Note.objects.order_by("id").values_list("text"))
    return HttpResponse(format_html("<h1>{}</h1><ul>{}</ul>", os.environ.get("PERCH_BRANCH", "local"), notes))


def healthz(request):
    return HttpResponse("ok")
