"""Prompts on the pages: look, edit with a preview, compare, go back; by who may."""

from __future__ import annotations

from html import unescape

from django.http import HttpResponse
from django.test import Client

from tests.support.cast import Cast
from tests.support.pages import signed_in
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task
from webapp.prompts.models import PromptTemplate
from webapp.prompts.release import shipped
from webapp.prompts.services import save_version

OWN = 'You are an agent ({role}) of Acme, in a {params.tone} tone: {"plain": true}.'


def text_of(answer: HttpResponse) -> str:
    return unescape(answer.content.decode())


def edit(client: Client, text: str, do: str = "save", note: str = "our tone") -> HttpResponse:
    return client.post("/prompts/agent/edit", {"text": text, "note": note, "do": do}, follow=True)  # type: ignore[return-value]


def test_a_tenant_without_any_of_its_own_sees_what_is_shipped(crew: Cast) -> None:
    client = signed_in(crew.operator)
    listed = text_of(client.get("/prompts"))
    assert listed.count("as shipped") == 4 and 'href="/prompts"' in listed
    one = text_of(client.get("/prompts/agent"))
    assert shipped("agent") in one and "None of your own yet" in one and "What differs" not in one
    assert "/prompts/agent/edit" not in one and client.get("/prompts/agent/edit").status_code == 403
    assert client.get("/prompts/nobody").status_code == 404


def test_a_preview_saves_nothing_and_what_is_saved_is_in_force(crew: Cast) -> None:
    client = signed_in(crew.admin)
    told = text_of(edit(client, OWN, do="preview"))
    assert 'You are an agent (analyst) of Acme, in a [tone] tone: {"plain": true}.' in told and OWN in told
    with tenant_scope(crew.acme.id):
        assert not PromptTemplate.objects.exists()
    saved = text_of(edit(client, OWN))
    assert "Version 1 is in force" in saved and "In force: version 1" in saved and "our tone" in saved
    assert "<del>" in saved and "<ins>" in saved, "what differs from what is shipped"


def test_a_mistake_is_told_beside_its_field_and_what_was_typed_stays(crew: Cast) -> None:
    client = signed_in(crew.admin)
    for do in ("save", "preview"):
        answer = edit(client, "Do <b>it</b> as {who}", do=do)
        assert answer.status_code == 400 and "<b>" not in answer.content.decode()
        page = text_of(answer)
        assert 'id="error-text" data-error="text">{who} is unknown; it may have {role}, {params.name}</p>' in page
        assert "Do <b>it</b> as {who}</textarea>" in page and 'aria-invalid="true"' in page
    assert edit(client, OWN + "\0").status_code == 400


def test_going_back_and_comparing(crew: Cast) -> None:
    client = signed_in(crew.owner)
    edit(client, OWN)
    edit(client, OWN + " Be brief.")
    page = text_of(client.get("/prompts/agent?before=1&after=2"))
    assert "<ins> Be brief.</ins>" in page.replace("</ins><ins>", "") and "<del>" not in page
    assert "they say the same" in text_of(client.get("/prompts/agent?before=2&after=2"))
    assert client.get("/prompts/agent?before=9").status_code == 404
    assert OWN + "</textarea>" in text_of(client.get("/prompts/agent/edit?version=1"))
    back = text_of(client.post("/prompts/agent/in-force/1", follow=True))
    assert "Version 1 is in force for tasks" in back and "In force: version 1" in back
    back = text_of(client.post("/prompts/agent/in-force/shipped", follow=True))
    assert "What is shipped is in force" in back and "In force: as shipped" in back
    assert client.post("/prompts/agent/in-force/3").status_code == 404


def test_another_tenant_sees_none_of_it(crew: Cast) -> None:
    edit(signed_in(crew.owner), OWN)
    stranger = signed_in(crew.stranger)
    for path in ("/prompts", "/prompts/agent", "/prompts/agent/edit"):
        answer = stranger.get(path)
        assert answer.status_code == 200 and b"Acme" not in answer.content
    assert stranger.get("/prompts/agent?after=1&before=1").status_code == 200, "nothing to compare"
    assert stranger.get("/prompts/agent/edit?version=1").status_code == 404
    assert stranger.post("/prompts/agent/in-force/1").status_code == 404
    assert b"Acme" not in stranger.get("/admin/prompts/prompttemplate/").content


def test_a_task_page_and_the_admin_tell_the_versions(crew: Cast) -> None:
    with tenant_scope(crew.acme.id):
        made = save_version(actor=crew.owner.user, name="agent", text=OWN)
    task = submit_task(principal=crew.user.principal, submission=Submission(query="Why?"))
    client = signed_in(crew.operator)
    assert f'id="to-prompt-agent" href="/prompts/agent?before=shipped&after={made.version}#differs"' in text_of(
        client.get(f"/tasks/{task.id}")
    )
    theirs = text_of(signed_in(crew.user).get(f"/tasks/{task.id}"))
    assert "agent 1" in theirs and "to-prompt" not in theirs
    assert "agent version 1" in text_of(client.get(f"/admin/prompts/prompttemplate/{made.id}/change/"))
    assert client.get("/admin/prompts/prompttemplate/add/").status_code == 403
    assert signed_in(crew.user).get("/admin/prompts/prompttemplate/").status_code != 200
