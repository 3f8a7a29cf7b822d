# Which page may read which answer of the gate, of the upstream and of nginx;
# what a preflight is told, and what it does not do.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use HXH2;
use Test::More;

HXGate::upstream();

my $up = 'http://127.0.0.1:' . HX::port(1);
my $dead = 'http://127.0.0.1:' . HX::port(3);
my $h2 = HX::port(4);
my $page = 'https://app.example';

my $config = HXGate::config() . <<"EOC";
    hx_gate_cors $page https://app.example:8443 http://localhost:3000
                 max_age=5m;
    location = /metrics { hx_gate_metrics; }
    location /plain { return 200 "plain"; }
    location /v1/list/dead { hx_gate on; proxy_pass $dead; }
    location /v1/list/off { hx_gate on; hx_gate_cors off; proxy_pass $up; }
    location /v1/list/any { hx_gate on; hx_gate_cors *; proxy_pass $up; }
    location /v1/list/cred {
        hx_gate on; hx_gate_cors $page credentials; proxy_pass $up;
    }
    location /v1/list/shadow { hx_gate shadow; proxy_pass $up; }
    location /v1/list/page {
        hx_gate on; error_page 401 403 /plain; error_page 404 = \@named;
        proxy_pass $up; proxy_intercept_errors on;
    }
    location \@named { return 410 "gone"; }
    location /v1/list/gzip {
        hx_gate on; gzip on; gzip_vary on; gzip_min_length 1;
        gzip_types application/json; proxy_pass $up;
    }
    location /v1/list/slow { hx_gate on; limit_req zone=one; proxy_pass $up; }
    location /v1/list/wide {
        hx_gate on; hx_gate_operation odd PATCH /v1/list/wide namespace=none;
        proxy_pass $up;
    }
    location /v1/list/limited {
        hx_gate on; limit_except GET OPTIONS { deny all; } proxy_pass $up;
    }
EOC

my $server = HXGate::Server->new(
    http => HXGate::http_config(limits => 1,
                                audit => "$HXGate::Audit flush=10ms extended")
        . 'limit_req_zone $server_port zone=one:32k rate=1r/m;'
        . "server { listen 127.0.0.1:$h2 http2; $config }",
    config => $config);
$server->start;
HXGate::create($server->{port},
    { tenant_id => 'acme', plan => 'pro', namespaces => [qw(default dead off
      any cred shadow page gzip slow wide limited)] },
    { tenant_id => 'small', namespaces => ['default'] });

sub ask {
    my ($method, $target, %o) = @_;
    my @headers = @{ delete $o{headers} // [] };
    push @headers, map { ('Origin', $_) }
        exists $o{origin} ? @{ delete $o{origin} } : $page;
    $o{key} = $HXGate::Key{acme} unless exists $o{key};
    return $server->request($method, $target, %o, headers => \@headers);
}

# Names of our headers of an answer, but for Vary.
sub names {
    my ($r) = @_;
    return join ' ', grep { /^access-control-/ } sort keys %{ $r->{headers} };
}

my $readable = 'access-control-allow-origin access-control-expose-headers';

sub may_read {
    my ($name, $r, $status, $origin) = @_;
    is $r->{status}, $status, "$name: status";
    is names($r), $readable, "$name: headers";
    is $r->{headers}{'access-control-allow-origin'}, $origin // $page,
        "$name: who";
    is $r->{headers}{vary}, 'Origin', "$name: Vary";
}

sub may_not {
    my ($name, $r, $status, $vary) = @_;
    is $r->{status}, $status, "$name: status";
    is names($r), '', "$name: no header";
    is $r->{headers}{vary}, $vary, "$name: Vary";
}


# every answer, whoever gives it

may_read '200', ask('GET', '/v1/list/default'), 200;
may_read 'HEAD', ask('HEAD', '/v1/get/default/k'), 200;
may_read '201', ask('GET', '/v1/list/default?_status=201'), 201;
may_read '204', ask('GET', '/v1/list/default?_status=204'), 204;
may_read '304', ask('GET', '/v1/get/default/k?_status=304'), 304;
may_read '400 of the upstream', ask('GET', '/v1/list/default?_status=400'),
    400;
may_read '401 of the upstream, told as 502',
    ask('GET', '/v1/list/default?_status=401'), 502;
may_read '404 of the upstream', ask('GET', '/v1/list/default?_status=404'),
    404;
may_read '409 of the upstream', ask('GET', '/v1/list/default?_status=409'),
    409;
may_read '429 of the upstream', ask('GET', '/v1/list/default?_status=429'),
    429;
may_read '500 of the upstream', ask('GET', '/v1/list/default?_status=500'),
    500;
may_read '503 of the upstream', ask('GET', '/v1/list/default?_status=503'),
    503;
may_read '502, nobody is there', ask('GET', '/v1/list/dead'), 502;
may_read '502, no answer', ask('GET', '/v1/list/default?_drop'), 502;
may_read '400', ask('GET', '/v1/get/a%20b/k'), 400;
may_read '400 in a body', ask('POST', '/v1/put', body => '{"a'), 400;
may_read '401, no key', ask('GET', '/v1/list/default', key => undef), 401;
may_read '401, wrong key',
    ask('GET', '/v1/list/default', key => HXGate::unknown_key()), 401;
may_read '403', ask('GET', '/v1/list/foreign'), 403;
may_read '404', ask('GET', '/v1/none'), 404;
may_read '405', ask('GET', '/v1/put'), 405;
may_read '405, OPTIONS that asks nothing', ask('OPTIONS', '/v1/put'), 405;
may_read '413 of the gate',
    ask('POST', '/v1/put', headers => ['Content-Length', 141_000_000]), 413;
may_read '413 of nginx, before the gate is asked',
    ask('POST', '/v1/put', headers => ['Content-Length', 142_000_000]), 413;
may_read '415', ask('POST', '/v1/put', body => 'x',
                    headers => ['Content-Type', 'text/plain']), 415;
ask('GET', '/v1/list/slow');
may_read '503 of nginx, before the gate is asked',
    ask('GET', '/v1/list/slow'), 503;
may_read '401, a page of the operator',
    ask('GET', '/v1/list/page', key => undef), 401;
may_read '404 of the upstream, led to a named location',
    ask('GET', '/v1/list/page?_status=404'), 410;

my $r = ask('GET', '/v1/list/default', key => $HXGate::Key{small});
is $r->{headers}{'x-ratelimit-remaining'}, 9, 'a window of ten';
ask('GET', '/v1/list/default', key => $HXGate::Key{small}) for 1 .. 9;
$r = ask('GET', '/v1/list/default', key => $HXGate::Key{small});
may_read '429', $r, 429;
is $r->{headers}{'access-control-expose-headers'},
    'Allow, ETag, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, '
    . 'X-HX-CUs, X-HX-Dtype, X-HX-Fortran-Order, X-HX-Shape, '
    . 'X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, '
    . 'X-Request-Id', 'what a page may read';

# all that a gate says is among it
my %exposed = map { (lc, 1) } split /, /,
    $r->{headers}{'access-control-expose-headers'};
is join(' ', grep { !$exposed{$_} } sort grep { /^(?:x-|rate|retry)/ }
             keys %{ $r->{headers} }), '', 'nothing of it is left out';


# who asks

may_read 'with a port', ask('GET', '/v1/list/default',
                            origin => ['https://app.example:8443']), 200,
    'https://app.example:8443';
may_read 'in the clear, here', ask('GET', '/v1/list/default',
                                   origin => ['http://localhost:3000']), 200,
    'http://localhost:3000';

for my $origin (
    'https://app.example.evil.example', 'https://evil-app.example',
    'https://evil.app.example', 'https://app.exampl', 'https://app.examplee',
    'https://App.example', 'HTTPS://app.example', 'http://app.example',
    'https://app.example:443', 'https://app.example:844',
    'https://app.example:84433', 'https://app.example:', 'http://localhost',
    'http://localhost:30000', 'null', 'https://app.example.',
    'https://app.example/', 'https://app.example/x', 'https://user@app.example',
    'https://app.example@evil.example', 'https://app.example#',
    'https://app.example?', 'https://app.example%00', 'https://app%2eexample',
    'https://xn--app-example', "https://app.ex\xd0\xb0mple", 'app.example',
    '//app.example', 'https://', '*', 'https://*.example', '',
    'https://app.example https://evil.example',
    'https://app.example,https://evil.example',
    'https://evil.example, https://app.example', "https://app.example\tx",
    'https://app_example', 'https://appxexample', "https://app.example\\",
    'https://app.example' x 300)
{
    may_not 'not ' . substr($origin, 0, 50),
        ask('GET', '/v1/list/default', origin => [$origin]), 200, 'Origin';
}

may_read 'blanks around it are no part of it',
    ask('GET', '/v1/list/default', origin => ["  $page  "]), 200;
may_not 'nobody', ask('GET', '/v1/list/default', origin => []), 200, 'Origin';
may_not 'two', ask('GET', '/v1/list/default', origin => [$page, $page]), 200,
    'Origin';
may_not 'two that differ', ask('GET', '/v1/list/default',
                               origin => ['https://evil.example', $page]), 200,
    'Origin';
may_not 'refused, nobody',
    ask('GET', '/v1/list/default', origin => [], key => undef), 401, 'Origin';
may_not 'refused, a foreign page',
    ask('GET', '/v1/list/default', origin => ['null'], key => undef), 401,
    'Origin';


# what the upstream says about it is not passed on, but where the gate says
# nothing

my $theirs = '?_header=Access-Control-Allow-Origin:%20*'
    . '&_header=access-control-allow-CREDENTIALS:%20true'
    . '&_header=Access-Control-Expose-Headers:%20X-Secret'
    . '&_header=Access-Control-Allow-Private-Network:%20true';

may_read 'ours in the place of theirs', ask('GET', "/v1/list/default$theirs"),
    200;
unlike ask('GET', "/v1/list/default$theirs")->{head}, qr/Secret|true/,
    'nothing of theirs';
may_not 'theirs for a foreign page',
    ask('GET', "/v1/list/default$theirs", origin => ['null']), 200, 'Origin';
may_not 'theirs for nobody',
    ask('GET', "/v1/list/default$theirs", origin => []), 200, 'Origin';
may_not 'off', ask('GET', '/v1/list/off'), 200, undef;
may_not 'off, refused', ask('GET', '/v1/list/off', key => undef), 401, undef;
$r = ask('GET', "/v1/list/off$theirs&_header=Vary:%20Accept");
is $r->{headers}{'access-control-allow-origin'}, '*', 'off: as it came';
is $r->{headers}{'access-control-expose-headers'}, 'X-Secret',
    'off: as it came, too';
is $r->{headers}{vary}, 'Accept', 'off: Vary as it came';


# Vary

sub vary {
    my ($name, $want, @lines) = @_;
    my $target = '/v1/list/default?'
        . join '&', map { "_header=$_" } map { s/ /%20/gr } @lines;
    is ask('GET', $target)->{headers}{vary}, $want, "Vary: $name";
}

vary('one member', 'Accept, Origin', 'Vary: Accept');
vary('members', 'Accept, X-A, Origin', 'Vary: Accept, X-A');
vary('lines', 'Accept, X-A, Origin', 'Vary: Accept', 'vary: X-A');
vary('it is there', 'Origin', 'Vary: Origin');
vary('it is there, otherwise written', 'origin', 'Vary: origin');
vary('it is there among others', 'Accept, ORIGIN, X-A',
     'Vary: Accept, ORIGIN, X-A');
vary('it is in the second line', 'Accept, Origin', 'Vary: Accept',
     'Vary: Origin');
vary('another name', 'X-Origin, Origin', 'Vary: X-Origin');
vary('everything', '*', 'Vary: *');
vary('everything, and more', "Accept, *", 'Vary: Accept, *');
vary('nothing', 'Origin', 'Vary:');

$r = ask('GET', '/v1/list/gzip', headers => ['Accept-Encoding', 'gzip']);
is $r->{headers}{'content-encoding'}, 'gzip', 'gzip: it is';
is join(', ', sort split /\n/, $r->{headers}{vary}), 'Accept-Encoding, Origin',
    'gzip: both';


# preflights

my @method = ('Access-Control-Request-Method', 'POST');
my $all = 'access-control-allow-headers access-control-allow-methods '
    . 'access-control-allow-origin access-control-max-age';
my $three = 'Origin, Access-Control-Request-Method, '
    . 'Access-Control-Request-Headers';

sub preflight {
    my ($target, %o) = @_;
    return ask('OPTIONS', $target, key => undef, %o,
               headers => [@method, @{ $o{headers} // [] }]);
}

sub told {
    my ($name, $r, %o) = @_;
    is $r->{status}, 204, "$name: status";
    is names($r), $o{names} // $all, "$name: headers";
    is $r->{headers}{'access-control-allow-origin'}, $o{who} // $page,
        "$name: who";
    is $r->{headers}{'access-control-allow-methods'},
        $o{methods} // 'GET, HEAD, POST, DELETE', "$name: methods";
    is $r->{headers}{'access-control-allow-headers'},
        'Authorization, Content-Type, If-Match, If-None-Match, X-Api-Key, '
        . 'X-Request-Id', "$name: request headers";
    is $r->{headers}{'access-control-max-age'}, $o{age} // 300, "$name: time";
    is $r->{headers}{vary}, $three, "$name: Vary";
    is $r->{body}, '', "$name: no body";
    ok !defined $r->{headers}{'content-length'}, "$name: and no length of it";
}

HXGate::upstream_forget();

# The audit record of the request with this id.
sub record {
    my ($id) = @_;
    return HXGate::wait_for("the record of $id", sub {
        return (grep { $_->{request_id} eq $id } HXGate::audit(1))[0];
    });
}

$r = preflight('/v1/put');
told 'a preflight', $r;
my $record = record($r->{headers}{'x-request-id'});
is $record->{status}, 204, 'record: status';
is $record->{method}, 'OPTIONS', 'record: method';
is $record->{path}, '/v1/put', 'record: path';
is $record->{tenant_id}, undef, 'record: no tenant';
is $record->{cus}, 0, 'record: no charge';
is $record->{outcome}, 'preflight', 'record: outcome';

told 'of what is not there', preflight('/v1/none');
told 'that names headers', preflight('/v1/put',
    headers => ['Access-Control-Request-Headers', 'x-api-key,x-evil']);
told 'of a method that is not there', ask('OPTIONS', '/v1/put', key => undef,
    headers => ['Access-Control-Request-Method', 'TRACE']);
told 'that asks for nothing by name', ask('OPTIONS', '/v1/put', key => undef,
    headers => ['Access-Control-Request-Method', '']);
told 'with a body', preflight('/v1/put', body => '{}');
told 'with a wrong key', preflight('/v1/put', key => HXGate::unknown_key());
told 'of another page', preflight('/v1/put',
    origin => ['https://app.example:8443']), who => 'https://app.example:8443';
told 'of any page', preflight('/v1/list/any', origin => ['null']), who => '*',
    age => 600;
told 'with credentials', preflight('/v1/list/cred'), age => 600,
    names => "access-control-allow-credentials $all";
told 'of other operations', preflight('/v1/list/wide'), methods => 'PATCH';
told 'where nginx denies OPTIONS', preflight('/v1/list/limited');
told 'of a path that is none', preflight('/v1/get/%2e%2e/a//b');
told 'where the upstream is away', preflight('/v1/list/dead');

may_not 'a preflight of a foreign page',
    preflight('/v1/put', origin => ['https://evil.example']), 204, $three;
may_not 'a preflight of a sandboxed page',
    preflight('/v1/put', origin => ['null']), 204, $three;
may_not 'no preflight: two pages',
    preflight('/v1/put', origin => [$page, $page]), 401, 'Origin';
may_not 'no preflight: nobody', preflight('/v1/put', origin => []), 401,
    'Origin';
may_not 'no preflight: off', preflight('/v1/list/off'), 401, undef;
may_read 'no preflight: no method', ask('OPTIONS', '/v1/put', key => undef),
    401;
may_read 'no preflight: GET', ask('GET', '/v1/list/default', key => undef,
                                  headers => \@method), 401;

is scalar(HXGate::upstream_log()), 0, 'the upstream has seen none of them';

# on one connection, with a body, then a request
my $s = HXGate::connect_to($server->{port});
my $rest = '';
HXGate::send_all($s, HXGate::request_text('OPTIONS', '/v1/put',
    keepalive => 1, body => '{"namespace":"default"}',
    headers => ['Origin', $page, @method]));
told 'kept alive', HXGate::response($s, \$rest, 'OPTIONS');
HXGate::send_all($s, HXGate::request_text('GET', '/v1/list/default',
    key => $HXGate::Key{acme}, headers => ['Origin', $page]));
may_read 'the request behind it', HXGate::response($s, \$rest, 'GET'), 200;

# nothing is taken from anybody, with a key or without
my $used = $server->admin('admin/usage/acme')->{json}{cus_used};
my $left = ask('GET', '/v1/list/default?_status=404')
    ->{headers}{'x-ratelimit-remaining'};
for (1 .. 20) {
    my $p = preflight('/v1/put', key => $HXGate::Key{acme});
    is $p->{status}, 204, 'a preflight with a key' if $_ == 1;
    ok !defined $p->{headers}{'x-ratelimit-limit'}, 'no window' if $_ == 1;
}
is ask('GET', '/v1/list/default?_status=404')
    ->{headers}{'x-ratelimit-remaining'}, $left - 1, 'window: none counted';
is $server->admin('admin/usage/acme')->{json}{cus_used}, $used,
    'usage: none charged';
told 'in the name of who is over the limit',
    preflight('/v1/put', key => $HXGate::Key{small});


# any page; credentials

may_read 'any page', ask('GET', '/v1/list/any',
                         origin => ['https://evil.example']), 200, '*';
may_read 'any page: null', ask('GET', '/v1/list/any', origin => ['null']), 200,
    '*';
may_not 'any page: none', ask('GET', '/v1/list/any', origin => []), 200,
    'Origin';
$r = ask('GET', '/v1/list/cred', key => undef);
is names($r), "access-control-allow-credentials $readable",
    'credentials: headers';
is $r->{headers}{'access-control-allow-credentials'}, 'true',
    'credentials: true';
may_not 'credentials: a foreign page',
    ask('GET', '/v1/list/cred', origin => ['null']), 200, 'Origin';


# shadow mode: as if there were no gate

HXGate::upstream_forget();
$r = preflight('/v1/list/shadow', headers => ['X-Request-Id', 'shadow']);
is $r->{status}, 200, 'shadow: the upstream answers a preflight';
is names($r), '', 'shadow: no header';
is $r->{headers}{vary}, undef, 'shadow: no Vary';
is +(grep { ref } HXGate::upstream_log())[0]{method}, 'OPTIONS',
    'shadow: it was asked';
$r = ask('GET', "/v1/list/shadow$theirs");
is $r->{headers}{'access-control-allow-origin'}, '*', 'shadow: theirs stay';
is record('shadow')->{outcome}, 'preflight',
    'shadow: what it would have been';


# where no page has any business

for my $path ('/gate/admin/tenants', '/health', '/ready', '/metrics',
              '/plain', '/gate/usage', '/gate/onboard/create')
{
    for my $method ('GET', 'OPTIONS') {
        my $answer = ask($method, $path, headers => \@method,
                         service => $path =~ /admin/ ? 1 : undef, key => undef);
        is names($answer), '', "$method $path: no header";
        is $answer->{headers}{vary}, undef, "$method $path: no Vary";
        isnt $answer->{status}, 204, "$method $path: no preflight"
    }
}
is names(ask('GET', '/gate/usage')), '', 'own usage: no header';


# HTTP/2

my $c = HXH2->new($h2);
my $id = $c->headers([':method', 'OPTIONS', ':scheme', 'http', ':path',
    '/v1/put', ':authority', 'localhost', 'origin', $page,
    'access-control-request-method', 'POST'], end => 1);
is $c->answer($id)->{status}, 204, 'HTTP/2: a preflight';
$c->close;

sub curl {
    my ($target, @more) = @_;
    my @command = ('curl', '-s', '-i', '--http2-prior-knowledge',
                   '-H', "Origin: $page", @more,
                   "http://127.0.0.1:$h2$target");
    open my $out, '-|', @command or die "curl: $!";
    local $/;
    return scalar <$out>;
}

my $answer = curl('/v1/put', '-X', 'OPTIONS', '-H', join ': ', @method);
like $answer, qr{^HTTP/2 204}, 'HTTP/2: status';
like $answer, qr/^access-control-allow-origin: \Q$page\E\r$/m, 'HTTP/2: who';
like $answer, qr/^vary: \Q$three\E\r$/m, 'HTTP/2: Vary';
$answer = curl('/v1/list/default');
like $answer, qr{^HTTP/2 401}, 'HTTP/2, refused: status';
like $answer, qr/^access-control-allow-origin: \Q$page\E\r$/m,
    'HTTP/2, refused: who';


# numbers

like $server->request('GET', '/metrics')->{body},
    qr/^hx_gate_decisions_total\{outcome="preflight"\} 4\d$/m,
    'they are counted';

$server->stop;


# what the environment says, until a directive does; and a trail that every
# answer waits for

$ENV{HX_GATE_CORS_ORIGINS} = " $page, https://env.example";
$server = HXGate::Server->new(
    http => HXGate::http_config(
        audit => "$HXGate::Dir/strict.jsonl durability=fsync required"),
    config => HXGate::config() . <<"EOC");
    location /v1/list/ {
        hx_gate on; hx_gate_cors https://mine.example; proxy_pass $up;
        location /v1/list/default/inner { proxy_pass $up; }
        location /v1/list/off { hx_gate_cors off; proxy_pass $up; }
    }
EOC
$server->start;

my ($env, $mine) = ('https://env.example', 'https://mine.example');
told 'environment: a preflight', preflight('/v1/put', origin => [$env]),
    who => $env, age => 600;
may_read 'environment: an answer',
    ask('GET', '/v1/get/default/k', origin => [$env]), 200, $env;
may_not 'environment: not another',
    ask('GET', '/v1/get/default/k', origin => [$mine]), 200, 'Origin';
may_read 'a directive', ask('GET', '/v1/list/default', origin => [$mine]), 200,
    $mine;
may_not 'a directive wins',
    ask('GET', '/v1/list/default', origin => [$env]), 200, 'Origin';
told 'a directive, inherited',
    preflight('/v1/list/default/inner', origin => [$mine]), who => $mine,
    age => 600;
may_not 'off wins', ask('GET', '/v1/list/off', origin => [$env]), 200, undef;
is scalar(grep { $_->{method} eq 'OPTIONS' && $_->{status} == 204 }
          HXGate::audit(7, "$HXGate::Dir/strict.jsonl")), 2,
    'a trail that is required has the preflights';

$server->stop;
done_testing;
