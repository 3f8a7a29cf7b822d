"""The Kubernetes manifests: what refers to something finds it, pods are as the
"restricted" standard wants them, nothing is open that need not be, and images,
users and secrets are those of the Dockerfiles and of Compose.  Every check is
shown to find what it is there for."""

import copy
import re

import pytest
import yaml

from conftest import TOP

HERE = TOP / "packaging" / "kubernetes"
DOCKER = TOP / "packaging" / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
LEFT_TO_THE_USER = {"hx-gate-keys": {"service_key", "redis_key"},
                    "hx-gate-tls": {"tls.crt", "tls.key"}}


def patch(thing, operation):
    """JSON Patch, as far as it is used here."""
    assert operation["op"] == "add" and operation["path"].endswith("/-")
    for word in operation["path"].split("/")[1:-1]:
        thing = thing[int(word) if isinstance(thing, list) else word]
    thing.append(operation["value"])


def load(folder):
    """Objects of a kustomization and of those that it names."""
    text = (folder / "kustomization.yaml").read_text("utf-8")
    conf = yaml.safe_load(text)
    assert set(conf) <= {"apiVersion", "kind", "namespace", "resources",
                         "images", "patches"}
    objects = []
    for name in conf["resources"]:
        path = (folder / name).resolve()
        objects += load(path) if path.is_dir() else list(
            yaml.safe_load_all(path.read_text("utf-8")))
    return objects


def with_metrics(objects):
    folder = HERE / "metrics"
    objects = copy.deepcopy(objects) + load(folder)
    conf = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    for one in conf["patches"]:
        target = get(objects, one["target"]["kind"], one["target"]["name"])
        for operation in yaml.safe_load(
                (folder / one["path"]).read_text("utf-8")):
            patch(target, operation)
    return objects


def get(objects, kind, name):
    return [o for o in objects
            if o["kind"] == kind and o["metadata"]["name"] == name][0]


def of(objects, *kinds):
    return [o for o in objects if o["kind"] in kinds]


def workloads(objects):
    return of(objects, "StatefulSet", "Deployment")


def pod(work):
    return work["spec"]["template"]["spec"]


def containers(work):
    return pod(work).get("initContainers", []) + pod(work)["containers"]


def labels(work):
    return work["spec"]["template"]["metadata"]["labels"]


def selected(objects, selector):
    return [w for w in workloads(objects)
            if selector.items() <= labels(w).items()]


def check_selectors(objects):
    for o in objects:
        spec, name = o.get("spec", {}), f"{o['kind']} {o['metadata']['name']}"
        if o["kind"] in ("StatefulSet", "Deployment"):
            if not spec["selector"]["matchLabels"].items() <= labels(o).items():
                yield f"{name} does not select its pods"
            if o["kind"] == "StatefulSet":
                service = [s for s in of(objects, "Service")
                           if s["metadata"]["name"] == spec["serviceName"]]
                if not service or \
                        service[0]["spec"].get("clusterIP") != "None":
                    yield f"{name} has no headless Service"
            continue
        wanted = {"Service": spec.get("selector"),
                  "PodDisruptionBudget":
                      spec.get("selector", {}).get("matchLabels"),
                  "NetworkPolicy":
                      spec.get("podSelector", {}).get("matchLabels")
                  }.get(o["kind"])
        if wanted and len(selected(objects, wanted)) != 1:
            yield f"{name} selects not one kind of pod"
        if o["kind"] == "NetworkPolicy":
            for rule in spec.get("ingress", []) + spec.get("egress", []):
                for peer in rule.get("from", []) + rule.get("to", []):
                    if "podSelector" in peer and not selected(
                            objects, peer["podSelector"]["matchLabels"]):
                        yield f"{name} lets through pods that do not exist"


def check_mounts(objects):
    for work in workloads(objects):
        name = work["metadata"]["name"]
        volumes = [v["name"] for v in pod(work)["volumes"]]
        volumes += [v["metadata"]["name"]
                    for v in work["spec"].get("volumeClaimTemplates", [])]
        if len(volumes) != len(set(volumes)):
            yield f"{name}: a volume twice"
        mounted = set()
        for c in containers(work):
            paths = [m["mountPath"] for m in c["volumeMounts"]]
            if len(paths) != len(set(paths)):
                yield f"{name}: a mount twice"
            mounted |= {m["name"] for m in c["volumeMounts"]}
        if mounted != set(volumes):
            yield f"{name}: {sorted(mounted ^ set(volumes))} is not both"


def secrets(work):
    """{secret: {key: file}} of a workload"""
    found = {}
    for volume in pod(work)["volumes"]:
        for one in volume.get("projected", {}).get("sources", [volume]):
            secret = one.get("secret")
            if secret:
                found[secret.get("name") or secret["secretName"]] = {
                    item["key"]: item["path"] for item in secret["items"]}
    return found


def check_references(objects):
    """Secrets are the ones that README.md has made, with Compose's names of
    files; no value of one is in the manifests."""
    services = COMPOSE["services"]
    maps = {o["metadata"]["name"]: o["data"] for o in of(objects, "ConfigMap")}
    if of(objects, "Secret"):
        yield "a secret's value"
    for work in workloads(objects):
        name, files = work["metadata"]["name"], set()
        for secret, items in secrets(work).items():
            if not set(items) <= LEFT_TO_THE_USER.get(secret, set()):
                yield f"{name}: no secret {secret} with {sorted(items)}"
            files |= set(items.values())
        if files != set(services[name]["secrets"]):
            yield f"{name}: secrets are not Compose's"
        for volume in pod(work)["volumes"]:
            if "configMap" in volume and \
                    volume["configMap"]["name"] not in maps:
                yield f"{name}: no ConfigMap"
        for c in containers(work):
            for one in c.get("env", []):
                if re.search("KEY|PASS|SECRET|TOKEN", one["name"]):
                    yield f"{name}: a secret in the environment"
            for mount in c["volumeMounts"]:
                if mount.get("subPath") and not any(
                        mount["subPath"] in data for data in maps.values()):
                    yield f"{name}: no {mount['subPath']}"


def check_ports(objects):
    for work in workloads(objects):
        named = {p["name"]: p["containerPort"] for c in pod(work)["containers"]
                 for p in c["ports"]}
        for c in pod(work)["containers"]:
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                for how in ("httpGet", "tcpSocket"):
                    port = c.get(probe, {}).get(how, {}).get("port")
                    if port and port not in named:
                        yield f"{work['metadata']['name']}: probe of {port}"
        for service in of(objects, "Service"):
            if work in selected(objects, service["spec"].get(
                    "selector", {"no": "selector"})):
                for port in service["spec"]["ports"]:
                    if port["targetPort"] not in named:
                        yield f"Service {service['metadata']['name']}"
        for policy in of(objects, "NetworkPolicy"):
            own = policy["spec"]["podSelector"].get("matchLabels")
            if own and own.items() <= labels(work).items():
                for rule in policy["spec"].get("ingress", []):
                    if not {p["port"] for p in rule.get("ports", [])} <= \
                            set(named.values()):
                        yield f"NetworkPolicy {policy['metadata']['name']}"


def check_restricted(objects):
    """Pod Security Standards, "restricted", and a root that is read-only."""
    for work in workloads(objects):
        name, p = work["metadata"]["name"], pod(work)
        whole = p["securityContext"]
        if p.get("hostNetwork") or p.get("hostPID") or p.get("hostIPC"):
            yield f"{name}: the host's namespace"
        if p.get("automountServiceAccountToken") is not False:
            yield f"{name}: a token of the API"
        for volume in p["volumes"]:
            mode = (volume.get("secret") or volume.get("projected") or
                    {"defaultMode": 0o440})["defaultMode"]
            if mode != 0o440:
                yield f"{name}: mode {mode:o} of {volume['name']}"
            if not set(volume) <= {"name", "emptyDir", "projected", "secret",
                                   "configMap"}:
                yield f"{name}: volume {volume['name']}"
        for c in containers(work):
            context = {**whole, **c.get("securityContext", {})}
            if not (context.get("runAsNonRoot") is True
                    and context.get("runAsUser", 0) > 0
                    and context.get("allowPrivilegeEscalation") is False
                    and not context.get("privileged")
                    and context.get("readOnlyRootFilesystem") is True
                    and context.get("capabilities") == {"drop": ["ALL"]}
                    and context.get("seccompProfile") == {
                        "type": "RuntimeDefault"}):
                yield f"{name}: container {c['name']} is not restricted"
            if "limits" not in c.get("resources", {}) and \
                    c in p["containers"]:
                yield f"{name}: no limit of memory"


def peers(objects, name, direction, word):
    """Who may connect to a pod (or whom it may): [(peers, ports)]"""
    work = get(objects, "StatefulSet", name)
    return [(rule.get(word, "anyone"), [p["port"] for p in
                                        rule.get("ports", [])])
            for policy in of(objects, "NetworkPolicy")
            if policy["spec"]["podSelector"].get("matchLabels", {"-": 0}
                                                 ).items()
            <= labels(work).items()
            for rule in policy["spec"].get(direction, [])]


def check_network(objects):
    if not [p for p in of(objects, "NetworkPolicy")
            if p["spec"] == {"podSelector": {},
                             "policyTypes": ["Ingress", "Egress"]}]:
        yield "no default that denies"
    gate = [{"podSelector": {"matchLabels": {"app": "hx-gate",
                                             "component": "gate"}}}]
    for name, port in (("engine", 8000), ("redis", 6379)):
        if not [w for w in workloads(objects)
                if w["metadata"]["name"] == name]:
            continue
        if peers(objects, name, "ingress", "from") != [(gate, [port])]:
            yield f"{name} is reachable not just from the gate"
        if peers(objects, name, "egress", "to"):
            yield f"{name} has a way out"
    for who, ports in peers(objects, "gate", "ingress", "from"):
        if (who == "anyone") != (ports == [8443]):
            yield f"gate: {ports} for {who}"
    out = set()
    for who, ports in peers(objects, "gate", "egress", "to"):
        if who == "anyone" or {} in who:
            yield "the gate may go anywhere"
        out.update(ports)
    if out != {8000, 6379, 53}:
        yield f"the gate goes to {sorted(out)}"
    outside = [s["metadata"]["name"] for s in of(objects, "Service")
               if s["spec"].get("type", "ClusterIP") != "ClusterIP"]
    if outside != ["gate"]:
        yield f"services outside of the cluster: {outside}"


def from_dockerfile(name):
    text = (DOCKER / f"{name}.Dockerfile").read_text("utf-8")
    return {"user": re.search(r"^USER (\S+)$", text, re.M)[1],
            "port": int(re.search(r"^EXPOSE (\d+)$", text, re.M)[1]),
            "volumes": set(re.findall(r'"([^"]+)"', re.search(
                r"^VOLUME (.*)$", text, re.M)[1]))}


def check_images(objects):
    for work in workloads(objects):
        name, compose = work["metadata"]["name"], COMPOSE["services"][
            work["metadata"]["name"]]
        context, first = pod(work)["securityContext"], pod(work)[
            "containers"][0]
        user = f"{context['runAsUser']}:{context['runAsGroup']}"
        if user != compose["user"] or context["fsGroup"] != \
                context["runAsGroup"]:
            yield f"{name}: user {user}"
        mounts = {m["mountPath"] for m in first["volumeMounts"]}
        claims = {m["mountPath"] for m in first["volumeMounts"]
                  if m["name"] in [v["metadata"]["name"] for v in
                                   work["spec"]["volumeClaimTemplates"]]}
        if claims != {v.split(":")[1] for v in compose["volumes"]}:
            yield f"{name}: what lasts is not what lasts in Compose"
        if not {"/tmp", "/run/secrets"} <= mounts:
            yield f"{name}: no /tmp or /run/secrets"
        for c in containers(work):
            if c["image"] != compose["image"].split(":${")[0]:
                yield f"{name}: image {c['image']}"
        if name == "redis":
            if first["command"] != compose["command"]:
                yield "redis: command"
            continue
        image = from_dockerfile(name)
        if (user, first["ports"][0]["containerPort"], claims) != (
                image["user"], image["port"], image["volumes"]):
            yield f"{name} is not as its Dockerfile"


CHECKS = [check_selectors, check_mounts, check_references, check_ports,
          check_restricted, check_network, check_images]
TRIAL = load(HERE / "redis-trial")
SETS = {"redis-trial": TRIAL, "redis-external": load(HERE / "redis-external"),
        "metrics": with_metrics(TRIAL)}


def complaints(objects):
    return {check.__name__: list(check(objects)) for check in CHECKS}


@pytest.mark.parametrize("name", SETS)
def test_nothing_is_wrong(name):
    objects = SETS[name]
    names = [(o["kind"], o["metadata"]["name"]) for o in objects]
    assert len(names) == len(set(names)) > 8
    assert complaints(objects) == {c.__name__: [] for c in CHECKS}


def test_the_names_are_those_in_the_image_s_configuration():
    """engine:8000 and redis:6379, as gate.Dockerfile has them; addresses that
    stay, as nginx looks them up once."""
    text = (DOCKER / "gate.Dockerfile").read_text("utf-8")
    for host, port in re.findall(r"(?:redis://)?\b(engine|redis):(\d+)", text):
        for name in ("redis-trial", "redis-external"):
            spec = get(SETS[name], "Service", host)["spec"]
            assert spec["ports"][0]["port"] == int(port)
            assert spec.get("clusterIP") != "None"


def test_metrics_listen_where_the_policy_lets_in():
    objects = SETS["metrics"]
    text = get(objects, "ConfigMap", "gate-metrics")["data"][
        "hx-gate-metrics.conf"]
    assert re.search(r"^ *listen +9145;$", text, re.M) and "deny " in text
    mount = [m for m in pod(get(objects, "StatefulSet", "gate"))["containers"]
             [0]["volumeMounts"] if m["name"] == "metrics"][0]
    assert (TOP / "nginx-conf" / mount["mountPath"].rsplit("/", 1)[1]).exists()


def gate_container(objects):
    return pod(get(objects, "StatefulSet", "gate"))["containers"][0]


def egress_to_all(objects):
    get(objects, "NetworkPolicy", "gate")["spec"]["egress"].append({})


def engine_public(objects):
    get(objects, "Service", "engine")["spec"]["type"] = "NodePort"


def policy_of_nothing(objects):
    get(objects, "NetworkPolicy", "engine")["spec"]["podSelector"][
        "matchLabels"]["component"] = "engines"


def a_secret(objects):
    objects.append({"kind": "Secret", "metadata": {"name": "hx-gate-keys"}})


def other_file(objects):
    pod(get(objects, "StatefulSet", "engine"))["volumes"][0]["secret"][
        "items"][0]["path"] = "service.key"


MISTAKES = {
    "check_selectors": [
        lambda o: get(o, "Service", "gate")["spec"]["selector"].update(
            component="gates"),
        lambda o: labels(get(o, "StatefulSet", "engine")).update(app="x"),
        lambda o: get(o, "StatefulSet", "gate")["spec"].update(
            serviceName="gate"),
        lambda o: get(o, "PodDisruptionBudget", "gate")["spec"]["selector"][
            "matchLabels"].pop("component"),
        policy_of_nothing],
    "check_mounts": [
        lambda o: gate_container(o)["volumeMounts"].pop(),
        lambda o: pod(get(o, "StatefulSet", "gate"))["volumes"].pop(),
        lambda o: gate_container(o)["volumeMounts"].append(
            gate_container(o)["volumeMounts"][0])],
    "check_references": [
        a_secret, other_file,
        lambda o: gate_container(o).update(
            env=[{"name": "HX_GATE_ENGINE_SERVICE_KEY", "value": "x"}])],
    "check_ports": [
        lambda o: get(o, "Service", "gate")["spec"]["ports"][0].update(
            targetPort="http"),
        lambda o: gate_container(o)["readinessProbe"]["httpGet"].update(
            port="http"),
        lambda o: gate_container(o)["ports"][0].update(containerPort=443)],
    "check_restricted": [
        lambda o: gate_container(o)["securityContext"].pop("capabilities"),
        lambda o: gate_container(o)["securityContext"].update(
            readOnlyRootFilesystem=False),
        lambda o: pod(get(o, "StatefulSet", "redis"))["securityContext"].pop(
            "seccompProfile"),
        lambda o: pod(get(o, "StatefulSet", "gate"))["initContainers"][0].pop(
            "securityContext"),
        lambda o: pod(get(o, "StatefulSet", "gate")).update(hostNetwork=True),
        lambda o: pod(get(o, "StatefulSet", "engine")).pop(
            "automountServiceAccountToken"),
        lambda o: pod(get(o, "StatefulSet", "gate"))["volumes"][0][
            "projected"].update(defaultMode=440),
        lambda o: gate_container(o).pop("resources")],
    "check_network": [
        egress_to_all, engine_public, policy_of_nothing,
        lambda o: o.remove(get(o, "NetworkPolicy", "default-deny")),
        lambda o: get(o, "NetworkPolicy", "engine")["spec"]["ingress"].append(
            {"ports": [{"port": 8000}]}),
        lambda o: get(o, "NetworkPolicy", "engine")["spec"].update(
            egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]),
        lambda o: get(o, "NetworkPolicy", "gate")["spec"]["ingress"][0][
            "ports"].append({"port": 9145})],
    "check_images": [
        lambda o: pod(get(o, "StatefulSet", "engine"))[
            "securityContext"].update(runAsUser=33),
        lambda o: gate_container(o).update(image="nginx"),
        lambda o: gate_container(o)["ports"][0].update(containerPort=443),
        lambda o: gate_container(o)["volumeMounts"].__delitem__(1),
        lambda o: pod(get(o, "StatefulSet", "redis"))["containers"][0].update(
            image="docker.io/valkey/valkey:latest")],
}


@pytest.mark.parametrize("check, mistake", [
    pytest.param(check, mistake, id=f"{check}-{n}")
    for check, mistakes in MISTAKES.items()
    for n, mistake in enumerate(mistakes)])
def test_a_mistake_is_found(check, mistake):
    objects = copy.deepcopy(TRIAL)
    mistake(objects)
    assert complaints(objects)[check]


def test_every_check_has_a_mistake():
    assert set(MISTAKES) == {check.__name__ for check in CHECKS}
