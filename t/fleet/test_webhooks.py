"""Events of Stripe come to any node, and to two at once: each is handled once,
and all nodes know what came of it."""

import hashlib
import hmac
import json
import threading
import time

import pytest

from conftest import BACKEND, until
from fleet import Fleet, figure

SECRET = "whsec_" + "f" * 32
HOOK = "/gate/stripe/webhook"


@pytest.fixture(scope="module")
def fleet(new_dir):
    place = new_dir()
    secret = place / "webhook.secret"
    secret.touch(0o600)
    secret.write_text(SECRET)
    with Fleet(place / "fleet", BACKEND, audit="{log} extended flush=100ms",
               server=f"location = {HOOK} {{ hx_gate_stripe_webhook "
                      f"secret=file:{secret}; }}") as made:
        yield made.wait_ready()
    assert not made.bad_lines()


def event(number, tenant, plan):
    """A purchase that makes a tenant, or gives it a plan."""
    return json.dumps({
        "id": f"evt_{number}", "object": "event", "created": int(time.time()),
        "type": "checkout.session.completed",
        "data": {"object": {
            "id": f"cs_{number}", "object": "checkout.session",
            "mode": "payment", "payment_status": "paid",
            "metadata": {"tenant_id": tenant, "plan": plan}}}})


def send(node, body):
    """As Stripe does: signed; the status."""
    at = int(time.time())
    mac = hmac.new(SECRET.encode(), f"{at}.{body}".encode(),
                   hashlib.sha256).hexdigest()
    answer = node.ask("POST", HOOK, body, {
        "Stripe-Signature": f"t={at},v1={mac}"}, fresh=True)
    return answer.status


def results(fleet):
    """{event: [what came of each delivery]}, of all audit trails."""
    found = {}
    for node in fleet:
        for line in node.audit_log.read_text().splitlines():
            record = json.loads(line)
            if record.get("webhook_id"):
                found.setdefault(record["webhook_id"], []).append(
                    record["webhook_result"])
    return found


def test_an_event_at_two_nodes_is_handled_once(fleet, quick):
    count = 20 if quick else 100
    answers = []

    def deliver(node, body, start):
        start.wait()
        status = send(node, body)
        while status in (409, 503):     # Stripe tries again later
            time.sleep(0.05)
            status = send(node, body)
        answers.append(status)

    for n in range(count):
        body = event(n, f"bought-{n}", "builder")
        start = threading.Barrier(2)
        threads = [threading.Thread(target=deliver, args=(node, body, start))
                   for node in (fleet[n % 3], fleet[(n + 1) % 3])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [200] * (2 * count)
    until(lambda: sum(map(len, results(fleet).values())) >= 2 * count, 10,
          "all deliveries are recorded")
    told = results(fleet)
    assert len(told) == count
    for name, outcomes in told.items():
        assert outcomes.count("applied") == 1, (name, outcomes)
        assert set(outcomes) <= {"applied", "duplicate", "busy", "failed"}
        assert "duplicate" in outcomes
    known = fleet.agree()
    assert all(known[f"bought-{n}"]["plan"] == "builder"
               for n in range(count))
    figure("events handled twice, each delivered to two nodes at once", 0,
           "0", f"of {count}")


def test_a_duplicate_on_another_node(fleet):
    """Handled on one, known on all when it is answered."""
    for n in range(9):
        body = event(f"later-{n}", f"later-{n}", "pro")
        assert [send(fleet[(n + k) % 3], body) for k in range(3)] == [200] * 3

    def outcomes():
        told = results(fleet)
        found = [sorted(told.get(f"evt_later-{n}", [])) for n in range(9)]
        return found if all(len(f) == 3 for f in found) else None
    assert until(outcomes, 10, "all are recorded") == [
        ["applied", "duplicate", "duplicate"]] * 9
