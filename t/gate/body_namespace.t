# The namespace of an operation whose body names it: wherever it stands in the
# JSON text, however it is spelled, exactly that value goes to the engine.
use lib 't/lib'; use HX; use HXGate;
use Test::Nginx::Socket 'no_plan';

our $Long = 'n' x 255;
our $Big = 'QUJD' x 100_000;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme',
                  namespaces => ['prod', 'default', 'a-b_C9', $Long] });
HXGate::blocks();
no_long_string();
run_tests();

__DATA__

=== TEST 1: first, last, alone
--- tenant: acme
--- request eval
['POST /v1/put
{"namespace":"prod","key":"a","data_b64":"AAAA"}',
'POST /v1/put
{"key":"a","data_b64":"AAAA","namespace":"prod"}',
'POST /v1/search
{"namespace":"prod"}']
--- response_body_like eval
[(qr/\["X-HX-Namespace","prod"\]/) x 3]
--- error_code eval
[200, 200, 200]
--- no_error_log
[error]

=== TEST 2: absent is "default"
--- tenant: acme
--- request eval
['POST /v1/put
{"key":"a","data_b64":"AAAA"}',
'POST /v1/search
{}']
--- response_body_like eval
[(qr/\["X-HX-Namespace","default"\]/) x 2]
--- error_code eval
[200, 200]

=== TEST 3: behind a value of 400 kB
--- tenant: acme
--- request eval
"POST /v1/put
{\"key\":\"a\",\"data_b64\":\"$::Big\",\"namespace\":\"prod\"}"
--- response_body_like: \["X-HX-Namespace","prod"\]
--- no_error_log
[error]

=== TEST 4: white space, and every letter of the name escaped
--- tenant: acme
--- request eval
["POST /v1/put
\t{\n \"namespace\" \t:\r\n \"prod\" , \"key\" : \"a\" }\n",
'POST /v1/put
{"\u006eamespace":"prod"}',
'POST /v1/put
{"\u006E\u0061\u006D\u0065\u0073\u0070\u0061\u0063\u0065":"prod"}']
--- response_body_like eval
[(qr/\["X-HX-Namespace","prod"\]/) x 3]

=== TEST 5: an escaped value is the value it stands for
--- tenant: acme
--- request eval
['POST /v1/put
{"namespace":"pr\u006fd"}',
'POST /v1/put
{"namespace":"\u0061-b_C\u0039"}']
--- response_body_like eval
[qr/\["X-HX-Namespace","prod"\]/, qr/\["X-HX-Namespace","a-b_C9"\]/]

=== TEST 6: the longest one there can be
--- tenant: acme
--- request eval
"POST /v1/put
{\"namespace\":\"$::Long\"}"
--- response_body_like: \["X-HX-Namespace","n{255}"\]

=== TEST 7: members of inner objects are data
--- tenant: acme
--- request eval
['POST /v1/put
{"metadata":{"namespace":"evil","namespace":["x"]},"namespace":"prod"}',
'POST /v1/put
{"items":[{"namespace":"evil"},{"namespace":7}]}']
--- response_body_like eval
[qr/\["X-HX-Namespace","prod"\]/, qr/\["X-HX-Namespace","default"\]/]

=== TEST 8: names that only look like it
--- tenant: acme
--- request
POST /v1/put
{"Namespace":"evil","namespace ":"evil","namespaces":"evil","name\\space":"evil","namespace\u0000":"evil"}
--- response_body_like: \["X-HX-Namespace","default"\]

=== TEST 9: a namespace that is another tenant's
--- tenant: acme
--- request
POST /v1/put
{"namespace":"staging"}
--- error_code: 403
--- response_body_like: ^\{"detail":"Namespace 'staging' not permitted for tenant 'acme'","error":"forbidden",

=== TEST 10: letters of another case are another namespace
--- tenant: acme
--- request
POST /v1/put
{"namespace":"PROD"}
--- error_code: 403
--- response_body_like: Namespace 'PROD' not permitted

=== TEST 11: the body reaches the engine byte for byte
--- tenant: acme
--- request eval
"POST /v1/put
{\r\n \"namespace\" : \"pr\\u006fd\" ,\t\"x\":[1.0e5,null] }"
--- response_body_like eval
qr/"body":"\{\\r\\n \\"namespace\\" : \\"pr\\\\u006fd\\" ,\\t\\"x\\":\[1\.0e5,null\] \}"/

=== TEST 12: a +json type, parameters, and no type at all
--- tenant: acme
--- more_headers
Content-Type: application/vnd.hx+json; charset=utf-8
--- request
POST /v1/put
{"namespace":"prod"}
--- response_body_like: \["X-HX-Namespace","prod"\]

=== TEST 13: a type that is not JSON is refused before the body counts
--- tenant: acme
--- more_headers
Content-Type: text/plain
--- request
POST /v1/put
{"namespace":"prod"}
--- error_code: 415
--- response_body_like: "error":"unsupported_media_type"
