# The credential of the data plane: where it may stand, what is refused.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] },
                { tenant_id => 'other', namespaces => ['prod'] });

our $Key = $HXGate::Key{acme};
our $Short = substr $Key, 0, 31;
our $Long = $Key . 'x' x 7000;
our @Ways = (
    "X-Api-Key: $Key",
    "x-api-key: $Key",
    "X-API-KEY:$Key",
    "X-Api-Key:   $Key  ",
    "Authorization: Bearer $Key",
    "authorization: bearer $Key",
    "AUTHORIZATION: BEARER $Key",
    "Authorization: Bearer   $Key ",
);

HXBlock::sections();
run_tests();

__DATA__

=== TEST 1: where a key may stand
--- request eval
[("GET /v1/get/prod/k") x @::Ways]
--- more_headers eval
\@::Ways
--- error_code eval
[(200) x @::Ways]
--- audit eval
"acme GET /v1/get/prod/k prod 200 0.1\n" x @::Ways

=== TEST 2: no key
--- request
GET /v1/get/prod/k
--- refused
401 unauthorized Missing API key
--- response_headers
WWW-Authenticate: Bearer
X-HX-CUs: 0.0
--- audit
null GET /v1/get/prod/k null 401 0

=== TEST 3: other schemes are no API key
--- request eval
[("GET /v1/get/prod/k") x 7]
--- more_headers eval
["Authorization: Basic YWNtZTpwYXNz", "Authorization: $::Key",
 "Authorization: Bearer", "Authorization: Bearer$::Key",
 "Authorization: Bearer\t$::Key", "Authorization: Token $::Key",
 "Authorization: "]
--- refused
401 unauthorized Missing API key
401 unauthorized Missing API key
401 unauthorized Missing API key
401 unauthorized Missing API key
401 unauthorized Missing API key
401 unauthorized Missing API key
401 unauthorized Missing API key

=== TEST 4: a key elsewhere is no API key
--- config eval
HXGate::config() . 'underscores_in_headers on;'
--- request eval
["GET /v1/get/prod/k?api_key={unknown}", "GET /v1/get/prod/k",
 "GET /v1/get/prod/k", "GET /v1/get/prod/k"]
--- more_headers eval
["X-Other: 1", "Cookie: X-Api-Key=$::Key", "X_Api_Key: $::Key",
 "Proxy-Authorization: Bearer $::Key"]
--- refused
401 unauthorized Missing API key
401 unauthorized Missing API key
401 unauthorized Missing API key
401 unauthorized Missing API key

=== TEST 5: too short, too long, empty
--- request eval
[("GET /v1/get/prod/k") x 6]
--- more_headers eval
["X-Api-Key: $::Short", "X-Api-Key: $::Long", "X-Api-Key: x", "X-Api-Key: ",
 "Authorization: Bearer $::Short", "Authorization: Bearer $::Long"]
--- refused
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key

=== TEST 6: longer than nginx takes
--- request
GET /v1/get/prod/k
--- more_headers eval
"X-Api-Key: " . "a" x 40000
--- error_code: 400
--- not_forwarded

=== TEST 7: damaged keys
--- request eval
[("GET /v1/get/prod/k") x 8]
--- more_headers eval
(my $swapped = $::Key) =~ tr/a-zA-Z/A-Za-z/;
(my $prefix = $::Key) =~ s/^hx_live_/hx_test_/;
["X-Api-Key: $swapped", "X-Api-Key: $prefix", "X-Api-Key: " . scalar(CORE::reverse($::Key)),
 "X-Api-Key: $::Key $::Key", "X-Api-Key: $::Key,$::Key",
 "X-Api-Key: \"$::Key\"", "X-Api-Key: Bearer $::Key",
 "Authorization: Bearer $::Key, Bearer $::Key"]
--- refused
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key

=== TEST 8: a key that nobody has
--- request eval
[("GET /v1/get/prod/k") x 2]
--- more_headers eval
["X-Api-Key: {unknown}", "Authorization: Bearer {unknown}"]
--- refused
401 unauthorized Invalid API key
401 unauthorized Invalid API key
--- audit
null GET /v1/get/prod/k null 401 0
null GET /v1/get/prod/k null 401 0

=== TEST 9: X-Api-Key wins over Authorization
--- request
GET /v1/get/prod/k
--- more_headers
Authorization: Bearer {key:other}
X-Api-Key: {key:acme}
--- upstream
GET /v1/get/prod/k
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

=== TEST 10: a bad X-Api-Key is not made up for by a good Authorization
--- request eval
[("GET /v1/get/prod/k") x 3]
--- more_headers eval
["X-Api-Key: {unknown}\nAuthorization: Bearer {key:acme}",
 "Authorization: Bearer {key:acme}\nX-Api-Key: x",
 "X-Api-Key: \nAuthorization: Bearer {key:acme}"]
--- refused
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key

=== TEST 11: a bad Authorization is not looked at beside a good X-Api-Key
--- request
GET /v1/get/prod/k
--- more_headers
Authorization: Basic YWNtZTpwYXNz
X-Api-Key: {key:acme}
--- error_code: 200

=== TEST 12: repeated X-Api-Key, also an equal one
--- request eval
[("GET /v1/get/prod/k") x 3]
--- more_headers eval
["X-Api-Key: {key:acme}\nX-Api-Key: {key:acme}",
 "X-Api-Key: {key:acme}\nx-api-key: {key:other}",
 "X-Api-Key: {unknown}\nX-Api-Key: {key:acme}"]
--- refused
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key

=== TEST 13: repeated Authorization, which nginx refuses before any location
--- request eval
[("GET /v1/get/prod/k") x 2]
--- more_headers eval
["Authorization: Bearer {key:acme}\nAuthorization: Bearer {key:acme}",
 "X-Api-Key: {key:acme}\nAuthorization: Basic eA==\nAuthorization: Basic eA=="]
--- error_code eval
[400, 400]
--- not_forwarded

=== TEST 14: HTTP/1.0
--- raw_request eval
"GET /v1/get/prod/k HTTP/1.0\r\n\r\n"
--- refused
401 unauthorized Missing API key

=== TEST 15: HTTP/0.9 has no place for a key
--- raw_request eval
"GET /v1/get/prod/k\r\n"
--- http09
--- response_body_like chomp
^\{"detail":"Missing API key","error":"unauthorized"
--- not_forwarded
