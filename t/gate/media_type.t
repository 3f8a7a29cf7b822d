# A body whose namespace matters must be JSON that the gate can read: 415 for
# a coding, or for a type that says something else.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });

our $Put = "POST /v1/put\n{\"namespace\":\"prod\"}";
our @Json = ('application/json', 'APPLICATION/JSON',
    'application/json; charset=utf-8', 'application/json ;charset=utf-8',
    'application/json;', 'application/vnd.api+json', 'application/a+JSON; x=y');
our @Other = ('text/plain', 'application/x-www-form-urlencoded', 'text/json',
    'multipart/form-data; boundary=application/json', 'application/jsonx',
    'application/json-seq', 'xapplication/json', 'application/json,text/plain',
    'application/octet-stream', '*/*', 'json', 'application/x-json',
    'text/plain; application/json', "application/json\x01");
our @Codings = ('gzip', 'deflate', 'br', 'identity', 'GZIP', 'x', '');

HXBlock::sections();
run_tests();

__DATA__

=== TEST 1: JSON
--- request eval
[($::Put) x @::Json]
--- tenant: acme
--- more_headers eval
[map { "Content-Type: $_" } @::Json]
--- error_code eval
[(200) x @::Json]

=== TEST 2: no type
--- request eval
$::Put
--- tenant: acme
--- error_code: 200

=== TEST 3: something else
--- request eval
[($::Put) x @::Other]
--- tenant: acme
--- more_headers eval
[map { "Content-Type: $_" } @::Other]
--- refused eval
"415 unsupported_media_type Content-Type must be application/json\n" x @::Other

=== TEST 4: a coding of the body
--- request eval
[($::Put) x @::Codings]
--- tenant: acme
--- more_headers eval
[map { "Content-Encoding: $_" } @::Codings]
--- refused eval
"415 unsupported_media_type Content-Encoding is not supported\n" x @::Codings

=== TEST 5: a coding where the namespace is in the path
--- request
DELETE /v1/delete/prod/k
--- tenant: acme
--- more_headers
Content-Encoding: gzip
--- refused
415 unsupported_media_type Content-Encoding is not supported

=== TEST 6: a type where no body is read
--- request
GET /v1/get/prod/k
--- tenant: acme
--- more_headers
Content-Type: text/plain
--- error_code: 200

=== TEST 7: a transfer coding that nginx does not know
--- raw_request eval
"POST /v1/put HTTP/1.1\r\nHost: a\r\nX-Api-Key: $HXGate::Key{acme}\r
Transfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
--- error_code: 501
--- not_forwarded

=== TEST 8: 401 comes before 415
--- request eval
$::Put
--- more_headers
Content-Type: text/plain
Content-Encoding: gzip
--- refused
401 unauthorized Missing API key
