# One record a request: its members, their order and what they hold.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

my ($up, $tls, $dead) = (HX::port(1), HX::port(3), HX::port(4));

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod', 'default'] },
                { tenant_id => 'out' });
my $key = $HXGate::Key{acme};

my $server = HXGate::Server->new(config => HXGate::config() . <<"EOC")->start;
    listen 127.0.0.1:$tls ssl http2;
    @{[HXGate::certificate()]}
    large_client_header_buffers 4 16k;
    location /v1/list/dead {
        hx_gate on;
        proxy_pass http://127.0.0.1:$dead;
    }
EOC
$server->admin('onboard/suspend', { tenant_id => 'out' });
$server->admin('onboard/add-namespace', { tenant_id => 'acme',
                                          namespace => 'dead' });
my $lines = 2;
my $id = 0;

# The text of the next record.
sub line {
    my ($n) = @_;
    HXGate::audit($lines += $n // 1);
    my @all = split /\n/, HXGate::slurp($HXGate::Audit);
    is scalar @all, $lines, 'one record, no more' if @all != $lines;
    return $all[-1];
}

sub record {
    my ($name, $expected, $method, $target, %o) = @_;

    my $rid = 'r-' . ++$id;
    my $before = Time::HiRes::time();
    my $r = $server->request($method, $target, key => $key,
        headers => ['X-Request-Id', $rid, @{ delete $o{more} // [] }], %o);
    my $text = line();
    my $after = Time::HiRes::time();

    my ($ts, $tenant, $m, $path, $ns, $status, $cus, $ms, $request) = $text =~
        /^\{"ts":"([^"]*)","tenant_id":(null|"[^"]*"),"method":"([^"]*)",
          "path":"((?:[^"\\]|\\.)*)","namespace":(null|"[^"]*"),
          "status":(\d+),"cus":(\d+\.\d),"latency_ms":(\d+),
          "request_id":"([^"]*)"\}$/x
        or return fail "$name: $text";
    is "$tenant $m $path $ns $status $cus", $expected, $name;
    is $request, $rid, "$name: request id";

    my ($date, $sec, $milli) = $ts =~
        /^(\d{4}-\d\d-\d\dT\d\d:\d\d):(\d\d)\.(\d{3})Z$/;
    my @utc = gmtime $after;
    ok defined $milli && abs($sec + $milli / 1000 - $utc[0]
        - ($after - int $after)) < 5 || $utc[0] < 5, "$name: time $ts";
    cmp_ok $ms, '<=', 1 + 1000 * ($after - $before), "$name: latency";
    return $r;
}

# what was let through
record('path', '"acme" GET /v1/get/prod/a "prod" 200 0.1', 'GET',
       '/v1/get/prod/a');
record('body', '"acme" POST /v1/put "prod" 200 1.0', 'POST', '/v1/put',
       body => '{"namespace":"prod"}');
record('body without one', '"acme" POST /v1/put "default" 200 1.0', 'POST',
       '/v1/put', body => '{}');
record('HEAD', '"acme" HEAD /v1/get/prod/a "prod" 200 0.1', 'HEAD',
       '/v1/get/prod/a');
record('DELETE', '"acme" DELETE /v1/delete/prod/a "prod" 200 0.1', 'DELETE',
       '/v1/delete/prod/a');
record('the engine\'s 404', '"acme" GET /v1/get/prod/a "prod" 404 0.0', 'GET',
       '/v1/get/prod/a?_status=404');
record('not modified', '"acme" GET /v1/get/prod/a "prod" 304 0.1', 'GET',
       '/v1/get/prod/a?_status=304');
record('gpu', '"acme" POST /v1/serve "default" 200 2.0', 'POST', '/v1/serve',
       body => '{"mode":"gpu"}');

# what was not
record('no key', 'null GET /v1/get/prod/a null 401 0.0', 'GET',
       '/v1/get/prod/a', key => undef);
record('a stranger', 'null GET /v1/get/prod/a null 401 0.0', 'GET',
       '/v1/get/prod/a', key => HXGate::unknown_key());
record('suspended', '"out" GET /v1/get/prod/a null 403 0.0', 'GET',
       '/v1/get/prod/a', key => $HXGate::Key{out});
record('another\'s namespace', '"acme" GET /v1/list/else "else" 403 0.0',
       'GET', '/v1/list/else');
record('another\'s namespace in a body', '"acme" POST /v1/put "else" 403 0.0',
       'POST', '/v1/put', body => '{"namespace":"else"}');
record('no such operation', '"acme" GET /v1/nothing null 404 0.0', 'GET',
       '/v1/nothing');
record('wrong method', '"acme" PUT /v1/list/prod null 405 0.0', 'PUT',
       '/v1/list/prod');
record('bad body', '"acme" POST /v1/put null 400 0.0', 'POST', '/v1/put',
       body => '{');
record('too large', '"acme" POST /v1/put null 413 0.0', 'POST', '/v1/put',
       more => ['Content-Length', 140_900_000]);
record('too large for nginx itself', 'null POST /v1/put null 413 0.0', 'POST',
       '/v1/put', more => ['Content-Length', 150_000_000]);
record('engine down', '"acme" GET /v1/list/dead "dead" 502 0.0', 'GET',
       '/v1/list/dead');
record('the admin plane', 'null GET /gate/admin/tenants null 401 0.0', 'GET',
       '/gate/admin/tenants', key => undef);

# the path as it was sent, without what is private or would break the line
record('no query', '"acme" GET /v1/list/prod "prod" 200 0.1', 'GET',
       '/v1/list/prod?secret=1&prefix=a');
record('percent-encoding', '"acme" GET /v1/get/prod/a%2Fb "prod" 200 0.1',
       'GET', '/v1/get/prod/a%2Fb?x');
record('quotes and backslashes',
       '"acme" GET /v1/get/prod/\"\\\\a\" null 400 0.0', 'GET',
       '/v1/get/prod/"\\a"');
record('2048 bytes of path', '"acme" GET /v1/get/prod/' . 'k' x 2035 . ' null '
       . '400 0.0', 'GET', '/v1/get/prod/' . 'k' x 2035);
record('2049 bytes of path', '"acme" GET /v1/get/prod/' . 'k' x 2035 . '... '
       . 'null 400 0.0', 'GET', '/v1/get/prod/' . 'k' x 2036);
{
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, "GET /v1/get/prod/\xe4\xff\xc3\xa4 HTTP/1.1\r\n"
                         . "Host: x\r\nX-Api-Key: $key\r\n\r\n");
    is HXGate::response($s)->{status}, 400, 'odd bytes: refused';
    my $text = line();
    my $rec = eval { JSON::PP::decode_json($text) };
    is $rec->{path}, "/v1/get/prod/\x{fffd}\x{fffd}\x{e4}",
        'odd bytes: as UTF-8';
    unlike $text, qr/[\x00-\x1f\x7f\xff]/, 'odd bytes: not as they are';
}

# a request id that the gate has made
{
    my $r = $server->request('GET', '/v1/list/prod', key => $key,
                             headers => ['X-Request-Id', 'a b']);
    my $rec = JSON::PP::decode_json(line());
    is $rec->{request_id}, $r->{headers}{'x-request-id'}, 'the id it answered';
}

# pipelined, kept alive
{
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, join '', map {
        HXGate::request_text('GET', "/v1/get/prod/p$_", key => $key,
                             keepalive => 1,
                             headers => ['X-Request-Id', "pipe-$_"])
    } 1 .. 5);
    my $rest = '';
    HXGate::response($s, \$rest) for 1 .. 5;
    line(5);
    my @all = HXGate::audit();
    is join(' ', map { "$_->{request_id} $_->{path}" } @all[-5 .. -1]),
        join(' ', map { "pipe-$_ /v1/get/prod/p$_" } 1 .. 5),
        'pipelined: each has its own, in order';
}

# HTTP/2
{
    my $out = "$HXGate::Dir/curl.out";
    system "curl -sk --http2 -H 'X-Api-Key: $key' -H 'X-Request-Id: two' "
        . "'https://127.0.0.1:$tls/v1/get/prod/a?x=1' >'$out'";
    my $rec = JSON::PP::decode_json(line());
    is "$rec->{method} $rec->{path} $rec->{status} $rec->{request_id}",
        'GET /v1/get/prod/a 200 two', 'HTTP/2';
}

# the client leaves before the answer
{
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $dead, Listen => 1, ReuseAddr => 1) or die $!;
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text('GET', '/v1/list/dead',
                                              key => $key));
    my $engine = $listen->accept;       # it has been asked, and says nothing
    close $s;
    my $rec = JSON::PP::decode_json(line());
    is "$rec->{tenant_id} $rec->{namespace} $rec->{status}", 'acme dead 499',
        'a client that left';
    is $rec->{cus}, 0, 'a client that left pays nothing';
}

# redirected: one request, one record
$server->reload(config => HXGate::config(gate => <<'EOC') . <<"EOC");
        proxy_intercept_errors on;
        error_page 404 = @other;
EOC
    location \@other {
        hx_gate on;
        proxy_pass http://127.0.0.1:$up;
    }
EOC
record('redirected', '"acme" GET /v1/get/prod/a "prod" 404 0.0', 'GET',
       '/v1/get/prod/a?_status=404');

# what leaves none
$server->reload(config => HXGate::config() . <<"EOC");
    location /quiet/ {
        hx_gate on;
        hx_gate_operation get GET "/quiet/{ns}" namespace=path;
        hx_gate_audit_log off;
        proxy_pass http://127.0.0.1:$up;
    }
    location /plain/ { proxy_pass http://127.0.0.1:$up; }
EOC
for my $target ('/health', '/ready', '/plain/x') {
    is $server->request('GET', $target, key => $key)->{status}, 200,
        "$target: served";
}
is $server->request('GET', '/quiet/prod', key => $key)->{status}, 200,
    'off: served';
is $server->request('GET', '/quiet/prod')->{status}, 401, 'off: refused';

is $server->stop, 0, 'nginx ends well';
is scalar(HXGate::audit()), $lines,
    'health, other locations and "off" leave no record';
is join("\n", $server->logged(qr/\[(?:crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';

my $all = HXGate::slurp($HXGate::Audit);
is scalar(grep { index($all, $_) >= 0 } $HXGate::ServiceKey, 'secret=',
          values %HXGate::Key), 0, 'no key and no query in it';
done_testing;
