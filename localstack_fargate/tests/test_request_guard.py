"""What web pages send to the account is refused; what programs send is not."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from localstack_fargate.tests.conftest import wait_until_ready
from localstack_fargate.tests.kit import emulator, make_client, random_name

pytestmark = pytest.mark.launchers("process")  # the gateway does not know what runs tasks

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
POWERSHELL = "Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.15063; en-US) PowerShell/6.0.0"
FOREIGN_ORIGINS = ["http://evil.example", "http://localhost:3000", "https://app.localstack.cloud", "file://", "null"]
FRONT_END = "http://front.example:3000"

# All that a page can make a browser send without being asked for permission, and without saying whose page it is.
HIDDEN_PAGES = [
    {"User-Agent": BROWSER, "Sec-Fetch-Site": "cross-site"},
    {"User-Agent": BROWSER, "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"User-Agent": BROWSER},  # to an address of this machine that is not a loopback one
]


class Sent:
    """A request and its answer. ``headers`` may name a Host; ``port`` in a header stands for the gateway's."""

    def __init__(
        self, endpoint: str, headers: dict[str, str], path: str = "/", method: str = "GET", body: str | None = None
    ) -> None:
        address = urlsplit(endpoint)
        assert address.hostname
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
        filled = {name: value.replace("port", str(address.port)) for name, value in headers.items()}
        connection.request(method, path, body, filled)
        answer = connection.getresponse()
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        connection.close()

    def reason(self) -> str:
        """Why the guard refused it: its own answer, and not LocalStack's."""
        assert self.status == 403
        assert not [name for name in self.headers if name.lower().startswith("access-control-")]
        (message,) = json.loads(self.body).values()
        return str(message)


def create_stack(name: str) -> str:
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    return "/?" + urlencode({"Action": "CreateStack", "StackName": name, "TemplateBody": json.dumps(template)})


def form(key: str) -> tuple[dict[str, str], str]:
    """A form as a page would post it to a bucket: headers and body."""
    fields = {"key": key, "file": "of a page"}
    parts = [f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{v}\r\n' for name, v in fields.items()]
    return {"Content-Type": "multipart/form-data; boundary=limit"}, "".join(parts) + "--limit--\r\n"


@pytest.fixture
def bucket(client: Callable[[str], Any]) -> Iterator[str]:
    name = random_name("bucket")
    s3 = client("s3")
    s3.create_bucket(Bucket=name)
    yield name
    for each in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("headers", HIDDEN_PAGES)
def test_a_picture_of_a_page_creates_no_stack(
    endpoint: str, client: Callable[[str], Any], headers: dict[str, str]
) -> None:
    name = random_name()
    Sent(endpoint, headers, create_stack(name)).reason()
    assert name not in [stack["StackName"] for stack in client("cloudformation").describe_stacks()["Stacks"]]


def test_the_same_request_of_a_program_creates_a_stack(endpoint: str, client: Callable[[str], Any]) -> None:
    name = random_name()
    assert Sent(endpoint, {}, create_stack(name)).status == 200
    client("cloudformation").delete_stack(StackName=name)


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("site", [{}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_form_of_a_page_stores_no_object(
    endpoint: str, client: Callable[[str], Any], bucket: str, origin: str, site: dict[str, str]
) -> None:
    headers, body = form("watermark.png")
    assert origin in Sent(endpoint, {**headers, **site, "Origin": origin}, f"/{bucket}", "POST", body).reason()
    assert client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_the_same_form_of_a_program_stores_the_object(endpoint: str, client: Callable[[str], Any], bucket: str) -> None:
    headers, body = form("watermark.png")
    assert Sent(endpoint, headers, f"/{bucket}", "POST", body).status == 204
    assert client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 1


@pytest.mark.parametrize(
    "host", ["evil.example:port", "localhost.evil.example", "127.0.0.1.evil.example:port", "a:b:c"]
)
def test_a_name_that_was_led_here_is_not_the_accounts(endpoint: str, client: Callable[[str], Any], host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin", "User-Agent": BROWSER}
    name = random_name()
    reason = Sent(endpoint, headers, create_stack(name)).reason()
    assert reason.startswith("This account is not called ")
    assert name not in [stack["StackName"] for stack in client("cloudformation").describe_stacks()["Stacks"]]


def test_a_preflight_of_a_foreign_page_is_refused(endpoint: str, bucket: str) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"}
    Sent(endpoint, headers, f"/{bucket}/key", "OPTIONS").reason()


def test_a_web_socket_of_a_foreign_page_is_refused(endpoint: str) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    assert "evil.example" in Sent(endpoint, {**upgrade, "Origin": "http://evil.example"}).reason()


@pytest.mark.parametrize("referer", ["http://evil.example/page", "http://[", "nonsense"])
def test_a_referer_tells_of_the_page_as_well(endpoint: str, referer: str) -> None:
    Sent(endpoint, {"Referer": referer}, "/_localstack/health").reason()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:port",
        "127.8.9.10",
        "localhost:port",
        "LocalHost",
        "any.localhost:port",
        "[::1]:port",
        "169.254.170.2",
        "172.18.0.2:port",
        "localstack:port",
        "host.docker.internal:port",
        "localhost.localstack.cloud:port",
        "lambda.us-east-1.localhost.localstack.cloud:port",
        socket.gethostname(),
    ],
)
def test_programs_reach_the_account_by_each_of_its_names(endpoint: str, host: str) -> None:
    assert Sent(endpoint, {"Host": host}, "/_localstack/health").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": BROWSER, "Sec-Fetch-Site": "none"},  # typed into the address bar
        {"User-Agent": BROWSER, "Sec-Fetch-Site": "same-origin"},
        {"User-Agent": POWERSHELL},
        {"User-Agent": "curl/8.14.1"},
    ],
)
def test_the_user_and_the_accounts_own_pages_get_an_answer(endpoint: str, headers: dict[str, str]) -> None:
    assert Sent(endpoint, headers, "/_localstack/health").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:port", "Origin": "http://127.0.0.1:port", "Sec-Fetch-Site": "same-origin"},
        {"Host": "localhost:port", "Origin": "https://localhost:port", "Sec-Fetch-Site": "same-origin"},
        {"Host": "172.18.0.2:port", "Origin": "http://172.18.0.2:port"},
        {"Host": "172.18.0.2:port", "Referer": "http://172.18.0.2:port/bucket/page.html"},
    ],
)
def test_an_own_page_stores_objects(
    endpoint: str, client: Callable[[str], Any], bucket: str, headers: dict[str, str]
) -> None:
    sent = Sent(endpoint, {"User-Agent": BROWSER, **headers}, f"/{bucket}/key", "PUT", "of its own page")
    assert sent.status == 200
    assert client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_the_refusal_does_not_depend_on_the_service(endpoint: str) -> None:
    for path in ("/_localstack/health", "/_aws/sqs/messages", "/restapis/any/stage/_user_request_/"):
        Sent(endpoint, {"Origin": "http://evil.example"}, path).reason()


@pytest.fixture(scope="module")
def open_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An account with a name of its own that lets the pages of one front end in."""
    root: Path = tmp_path_factory.mktemp("open")
    settings = {"EXTRA_CORS_ALLOWED_ORIGINS": f" {FRONT_END} ,", "LOCALSTACK_HOST": "account.example:4566"}
    with emulator(root, **settings) as started:
        wait_until_ready(started)
        yield started.url


def test_a_front_end_that_the_user_names_may_upload(open_endpoint: str) -> None:
    s3, name = make_client("s3", open_endpoint), random_name("bucket")
    s3.create_bucket(Bucket=name)
    page = {"User-Agent": BROWSER, "Sec-Fetch-Site": "cross-site"}
    preflight = {**page, "Origin": FRONT_END, "Access-Control-Request-Method": "PUT"}
    assert Sent(open_endpoint, preflight, f"/{name}/key", "OPTIONS").headers["Access-Control-Allow-Origin"] == FRONT_END
    signed = s3.generate_presigned_url("put_object", Params={"Bucket": name, "Key": "key"})
    path = signed.removeprefix(open_endpoint)
    assert Sent(open_endpoint, {**page, "Origin": FRONT_END}, path, "PUT", "video").status == 200
    shown = Sent(open_endpoint, {**page, "Referer": f"{FRONT_END}/"}, f"/{name}/key")
    assert (shown.status, shown.body) == (200, b"video")
    for other in ("http://evil.example", FRONT_END.replace("3000", "3001"), f"{FRONT_END}.evil.example"):
        Sent(open_endpoint, {**page, "Origin": other}, path, "PUT", "another").reason()
    assert s3.get_object(Bucket=name, Key="key")["Body"].read() == b"video"


@pytest.mark.parametrize("host", ["account.example:4566", "bucket.s3.account.example"])
def test_the_name_that_the_user_gave_the_account_is_its_own(open_endpoint: str, host: str) -> None:
    assert Sent(open_endpoint, {"Host": host}, "/_localstack/health").status == 200
    Sent(open_endpoint, {"Host": host.replace("account", "evil-account")}).reason()
