# hx_gate shadow: decides and records, refuses nothing, changes nothing.
# hx_gate_rate_limit shadow: the same for the window alone.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use Test::More;

HXGate::upstream();

my $up = HX::port(1);
my $server = HXGate::Server->new(
    http => HXGate::http_config(limits => 1) . <<'EOC',
    hx_gate_plan half requests=20 window=1h quota=1.0 overage=off;
    log_format outcome '$hx_gate_outcome $status';
EOC
    config => <<"EOC");
    hx_gate_operations hx-sdp;
    access_log $HXGate::Dir/outcome.log outcome;
    location /v1/ {
        hx_gate shadow; client_max_body_size 135m; hx_gate_max_upload 1m;
        proxy_pass http://127.0.0.1:$up;
    }
    location /v1/list/limit {
        hx_gate on; hx_gate_rate_limit shadow;
        proxy_pass http://127.0.0.1:$up;
    }
    location /v1/list/leads { hx_gate shadow; try_files /none \@on; }
    location /v1/list/follows { hx_gate on; try_files /none \@shadow; }
    location /v1/list/twice {
        hx_gate shadow; hx_gate_billing on; try_files /none \@billed;
    }
    location \@billed {
        hx_gate on; hx_gate_billing on; proxy_pass http://127.0.0.1:$up;
    }
    location = /v1/search {
        hx_gate shadow; hx_gate_max_upload 1k; client_max_body_size 135m;
        client_body_buffer_size 1k; try_files /none \@on;
    }
    location \@on { client_max_body_size 135m; hx_gate on; proxy_pass http://127.0.0.1:$up; }
    location \@shadow { hx_gate shadow; proxy_pass http://127.0.0.1:$up; }
    location /gate/ { hx_gate_admin; access_log off; }
EOC
$server->start;
HXGate::create($server->{port},
    { tenant_id => 'acme', namespaces => [qw(default limit leads follows)] },
    { tenant_id => 'idle' },
    { tenant_id => 'half', plan => 'half', namespaces => ['twice'] });
$server->admin('onboard/suspend', { tenant_id => 'idle' });

my $n = 0;

# One request: status, outcome, and what the upstream was sent.
sub look {
    my ($name, $outcome, $method, $target, %o) = @_;

    HXGate::upstream_forget();
    my $r = $server->request($method, $target, %o);
    is $r->{status}, $o{status} // 200, "$name: goes through";
    $n++;
    my @lines = @{ HXGate::wait_for('the log', sub {
        my @l = split /\n/, HXGate::slurp("$HXGate::Dir/outcome.log");
        return @l >= $n && \@l;
    }) };
    is((split / /, $lines[-1])[0], $outcome, "$name: what would have been");

    my ($sent) = grep { ref } HXGate::upstream_log();
    return ($r, $sent);
}

my %acme = (key => $HXGate::Key{acme});


my ($r, $sent) = look('allowed', 'allowed', 'GET', '/v1/list/default', %acme);
is HXGate::sent($sent, 'x-api-key'), $HXGate::Key{acme},
    'the key goes on as it came';
is HXGate::sent($sent, 'authorization'), undef, 'no service key';
is HXGate::sent($sent, 'x-hx-tenant'), undef, 'no tenant';
for my $h (qw(x-hx-cus x-ratelimit-limit x-request-id)) {
    is $r->{headers}{$h}, undef, "no $h in the answer";
}

($r, $sent) = look('forged names', 'allowed', 'GET', '/v1/list/default', %acme,
                   headers => ['X-HX-Tenant', 'x', 'X-Request-Id', 'mine']);
is HXGate::sent($sent, 'x-hx-tenant'), 'x', 'they go on, too';

($r, $sent) = look('bearer', 'allowed', 'GET', '/v1/list/default',
                   headers => ['Authorization', "Bearer $HXGate::Key{acme}"]);
is HXGate::sent($sent, 'authorization'), "Bearer $HXGate::Key{acme}",
    'a bearer token goes on';

look('no key', 'missing_key', 'GET', '/v1/list/default');
look('wrong key', 'invalid_key', 'GET', '/v1/list/default',
     key => HXGate::unknown_key());
look('suspended', 'suspended', 'GET', '/v1/list/default',
     key => $HXGate::Key{idle});
look('namespace', 'namespace_denied', 'GET', '/v1/list/foreign', %acme);
look('no operation', 'unknown_operation', 'GET', '/v1/none', %acme);
look('method', 'method_not_allowed', 'GET', '/v1/put', %acme);

for my $body ('{"namespace":"foreign"}', '{"namespace":"default"', 'no json',
              '{"namespace":"a","namespace":"b"}', '')
{
    my $outcome = $body =~ /foreign"}/ ? 'namespace_denied'
        : 'invalid_request';
    ($r, $sent) = look("body '$body'", $outcome, 'POST', '/v1/put', %acme,
                       body => $body);
    is $sent->{body}, $body, "body '$body': arrives";
}

my $large = '{"data_b64":"' . 'A' x 3_000_000 . '"}';
($r, $sent) = look('large', 'too_large', 'POST', '/v1/put', %acme,
                   body => $large);
is $sent->{body_length}, length $large, 'a large body arrives';

look('engine 401', 'allowed', 'GET', '/v1/list/default?_status=401', %acme,
     status => 401);

# it counts for the decision, and nothing is charged
($r) = look("request $_", 'allowed', 'GET', '/v1/list/default', %acme)
    for 1 .. 6;
look('beyond the window', 'rate_limited', 'GET', '/v1/list/default', %acme)
    for 1 .. 2;
is $server->admin('admin/usage/acme')->{json}{cus_used}, 0,
    'nothing is charged';


# only the limit in shadow

($r, $sent) = look('limit', 'rate_limited', 'GET', '/v1/list/limit', %acme);
is HXGate::sent($sent, 'x-hx-tenant'), 'acme', 'limit: gated';
is $r->{headers}{'x-hx-cus'}, '0.1', 'limit: charged';
is $r->{headers}{'x-ratelimit-limit'}, undef, 'limit: nobody is told';
look('limit, denied', 'missing_key', 'GET', '/v1/list/limit', status => 401);


# from shadow to on and back

my $free = $server->admin('onboard/update-tier',
    { tenant_id => 'acme', plan => 'pro' });
($r, $sent) = look('leads to on', 'allowed', 'GET', '/v1/list/leads', %acme);
is HXGate::sent($sent, 'x-hx-tenant'), 'acme', 'leads to on: gated there';
is HXGate::sent($sent, 'x-api-key'), undef, 'leads to on: no key';
look('leads to on, denied', 'missing_key', 'GET', '/v1/list/leads',
     status => 401);

($r, $sent) = look('follows on', 'allowed', 'GET', '/v1/list/follows', %acme);
is HXGate::sent($sent, 'authorization'), undef,
    'follows on: the service key stays out of shadow';
look('follows on, denied', 'missing_key', 'GET', '/v1/list/follows',
     status => 401);


# a body that shadow mode had given up is judged all the same
my $hidden = '{"data_b64":"' . 'A' x 1_500_000 . '","namespace":"foreign"}';
look("hidden behind $_->[0]", $_->[1], 'POST', '/v1/search', %acme,
     body => $_->[2], status => $_->[3])
    for ['size', 'namespace_denied', $hidden, 403],
        ['size, broken', 'invalid_request', $hidden . '}', 400],
        ['size, twice', 'invalid_request',
         '{"namespace":"default","a":"' . 'A' x 1_500_000
         . '","namespace":"foreign"}', 400],
        ['an error', 'invalid_request', '{"a":1', 400];
($r, $sent) = look('large, but right', 'allowed', 'POST', '/v1/search', %acme,
                   body => '{"a":"' . 'A' x 1_500_000 . '"}');
is HXGate::sent($sent, 'x-hx-namespace'), 'default', 'and is passed on';

# what is led from shadow to on counts once, and is set aside once
my %half = (key => $HXGate::Key{half});
for my $i (1 .. 3) {
    ($r) = look("twice $i", 'allowed', 'GET', '/v1/list/twice', %half);
    is $r->{headers}{'x-ratelimit-remaining'}, 20 - $i,
        "twice $i: one place in the window";
}
look("twice, 500 $_", 'allowed', 'GET', '/v1/list/twice?_status=500', %half,
     status => 500) for 1 .. 9;
look("twice, left $_", 'allowed', 'GET', '/v1/list/twice', %half) for 1 .. 7;
look('twice, no more', 'quota_exceeded', 'GET', '/v1/list/twice', %half,
     status => 429);
is $server->admin('admin/usage/half')->{json}{cus_used}, 1,
    'ten of them are charged';

# what nginx itself refuses is refused
HXGate::upstream_forget();
my $broken = HXGate::connect_to($server->{port});
HXGate::send_all($broken, "POST /v1/put HTTP/1.1\r\nHost: x\r\n"
    . "X-Api-Key: $HXGate::Key{acme}\r\nTransfer-Encoding: chunked\r\n"
    . "Content-Type: application/json\r\n\r\nzz\r\n");
is HXGate::response($broken)->{status}, 400, 'a broken chunk is 400';
close $broken;
is scalar(grep { ref } HXGate::upstream_log()), 0, 'and goes nowhere';
$n++;


# records

my @records = @{ HXGate::wait_for('the records', sub {
    my @all = grep { $_->{path} =~ m{^/v1/} } HXGate::audit();
    return @all >= $n && \@all;
}) };
is scalar(@records), $n, 'a record for each';
my %outcome = map { ($_->{outcome} // 'none') => 1 } @records;
ok $outcome{$_}, "recorded: $_" for qw(missing_key invalid_key suspended
    namespace_denied unknown_operation method_not_allowed invalid_request
    too_large rate_limited allowed);
is_deeply [grep { !defined $_->{outcome} && $_->{path} !~ /limit|follows|leads|search|twice/ }
           @records], [], 'every one in shadow says what would have been';

$server->stop;
done_testing;
