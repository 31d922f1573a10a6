"""A Django project in one file, with one view that answers questions.

    pip install ossifrage django
    ossifrage kb add docs/
    python django_view.py runserver

Then open http://127.0.0.1:8000. A WSGI server takes ``django_view:application``.
"""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.management.utils import get_random_secret_key
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from ossifrage import Answer, Assistant, OssifrageError, Result

settings.configure(
    DEBUG=True,
    ROOT_URLCONF=__name__,
    SECRET_KEY=get_random_secret_key(),
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)

PAGE = """<!doctype html><title>Ask</title>
<form><input name="question" value="{{ question }}" size="60" autofocus></form>
{% if error %}<p role="alert">{{ error }}</p>{% endif %}
{{ result.text|linebreaks }}
<ol>{% for citation in result.citations %}
  <li>{{ citation.source }}, lines {{ citation.start_line }}-{{ citation.end_line }}:
    <q>{{ citation.quote }}</q>{% if not citation.verified %} (not found there){% endif %}
{% endfor %}</ol>"""

assistant = Assistant()
"""One for the process: Django calls the view in many threads at a time, and none waits for another."""


def ask(request: HttpRequest) -> HttpResponse:
    """Answer the question in the address, if there is one. What a model wrote is escaped by the template."""
    question = request.GET.get("question", "").strip()
    result: Result[Answer] | None = None
    error: OssifrageError | None = None
    if question:
        try:
            result = assistant.run_sync(question)
        except OssifrageError as caught:
            error = caught
    shown = {"question": question, "result": result, "error": error}
    page = engines["django"].from_string(PAGE).render(shown, request)
    return HttpResponse(page, status=503 if error else 200)


urlpatterns = [path("", ask)]
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
