# "extended": what a security team asks next, behind the documented members;
# and what operators did, to whom, from what to what.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

use strict;
use warnings;

HXGate::upstream();

my @documented = qw(ts tenant_id method path namespace status cus latency_ms
                    request_id);
my @extended = qw(operation outcome client_ip user_agent bytes_in bytes_out
                  upstream_ms error);
my $shadow = HX::port(4);
my $server = HXGate::Server->new(
    http => HXGate::http_config(audit => "$HXGate::Audit flush=10ms extended",
                                limits => 1)
        . "server { listen 127.0.0.1:$shadow;"
        . HXGate::config(gate => 'hx_gate shadow;') =~ s/hx_gate on;//r . '}')
    ->start;
my $n = 0;

# an id for a request, and later its record: (names in their order, values)
sub id { return 'e-' . ++$n }

sub line_of {
    my ($id) = @_;
    return HXGate::wait_for("the record of $id", sub {
        my ($line) = HXGate::slurp($HXGate::Audit)
            =~ /^(.*"request_id":"\Q$id\E".*)$/m;
        return $line;
    });
}

sub record {
    my ($id, @more) = @_;
    my $line = line_of($id);
    my @names = $line =~ /[{,]"([a-z_]+)":/g;
    is_deeply \@names, [@documented, @extended, @more],
        "$id: members in their order";
    return JSON::PP::decode_json($line);
}

sub values_of {
    my ($name, $record, %want) = @_;
    is_deeply { map { $_ => $record->{$_} } keys %want }, \%want, $name;
}

# ---- operators: every call, with the tenant and digests of its record
my $last;
sub admin {
    my ($name, $call, $json, $status, $outcome, $error) = @_;
    my $id = id();
    my $r = $server->request(defined $json ? 'POST' : 'GET', "/gate/$call",
        service => 1, json => $json, headers => ['X-Request-Id', $id,
        'User-Agent', 'ops/1']);
    is $r->{status}, $status, "$name: status";
    my $rec = record($id, qw(before after));
    values_of("$name: what", $rec, outcome => $outcome, error => $error,
              client_ip => '127.0.0.1', user_agent => 'ops/1',
              upstream_ms => undef);
    return ($r, $rec);
}

my $digest = qr/^sha256:[0-9a-f]{64}$/;
my ($r, $rec) = admin('create', 'onboard/create', { tenant_id => 'acme',
    namespaces => ['prod'] }, 201, 'admin', undef);
my $key = $r->{json}{api_key};
is $rec->{tenant_id}, 'acme', 'create: the tenant';
is $rec->{operation}, 'create', 'create: the operation';
is $rec->{before}, undef, 'create: nothing before';
like $rec->{after}, $digest, 'create: something after';
$last = $rec->{after};

for my $case (
    ['add-namespace', { tenant_id => 'acme', namespace => 'two' }],
    ['suspend', { tenant_id => 'acme' }],
    ['activate', { tenant_id => 'acme' }],
    ['update-tier', { tenant_id => 'acme', plan => 'pro' }],
    ['remove-namespace', { tenant_id => 'acme', namespace => 'two' }],
    ['rotate-key', { tenant_id => 'acme' }])
{
    my ($call, $json) = @$case;
    ($r, $rec) = admin($call, "onboard/$call", $json, 200, 'admin', undef);
    is $rec->{operation}, $call, "$call: the operation";
    is $rec->{tenant_id}, 'acme', "$call: the tenant";
    is $rec->{before}, $last, "$call: before is what was after the last one";
    like $rec->{after}, $digest, "$call: after";
    isnt $rec->{after}, $last, "$call: which is something else";
    $last = $rec->{after};
}
$key = $r->{json}{api_key};

# those that fail
for my $case (
    ['one that is there', 'create', { tenant_id => 'acme' }, 409, 'acme',
     'conflict', $last, $last],
    ['a namespace that is not', 'remove-namespace',
     { tenant_id => 'acme', namespace => 'none' }, 404, 'acme', 'not_found',
     $last, $last],
    ['a tenant that is not', 'suspend', { tenant_id => 'nobody' }, 404,
     'nobody', 'not_found', undef, undef],
    ['a bad plan', 'update-tier', { tenant_id => 'acme', plan => 'none' }, 400,
     'acme', 'invalid_request', undef, undef])
{
    my ($name, $call, $json, $status, $tenant, $error, @digests) = @$case;
    ($r, $rec) = admin($name, "onboard/$call", $json, $status,
                       'invalid_request', $error);
    # what is wrong may stand before the tenant's name
    $tenant = $rec->{tenant_id} if $status == 400 && !defined $rec->{tenant_id};
    values_of("$name: recorded", $rec, tenant_id => $tenant,
              operation => $call, before => $digests[0],
              after => $digests[1]);
}

# looking changes nothing; without the service key nobody gets to know
($r, $rec) = admin('a look', 'admin/tenants/acme', undef, 200, 'admin', undef);
values_of('a look', $rec, operation => 'get-tenant', tenant_id => 'acme',
          before => undef, after => undef);
{
    my $id = id();
    $r = $server->request('POST', '/gate/onboard/suspend', headers =>
        ['X-Request-Id', $id, 'Authorization', 'Bearer ' . 'x' x 40],
        json => { tenant_id => 'acme' });
    is $r->{status}, 401, 'a wrong service key';
    $rec = record($id, qw(before after));
    values_of('a wrong service key', $rec, outcome => 'invalid_service_key',
              tenant_id => undef, operation => 'suspend',
              error => 'unauthorized');
}

# ---- requests
sub get {
    my ($target, %o) = @_;
    my $id = id();
    my $r = $server->request($o{method} // 'GET', $target,
        headers => ['X-Request-Id', $id, @{ $o{headers} // [] }],
        (exists $o{key} ? (key => $o{key}) : ()),
        (exists $o{json} ? (json => $o{json}) : ()),
        (exists $o{port} ? (port => $o{port}) : ()));
    return ($r, record($id));
}

($r, $rec) = get('/v1/get/prod/k', key => $key,
                 headers => ['User-Agent', qq(a "b" \\ c\x{e9})]);
values_of('a request', $rec, operation => 'get', outcome => 'allowed',
    error => undef, bytes_out => length $r->{body}, tenant_id => 'acme');
cmp_ok $rec->{upstream_ms}, '>=', 0, 'a request: the upstream\'s time';
cmp_ok $rec->{bytes_in}, '>', 100, 'a request: its bytes';
like $rec->{user_agent}, qr{^a "b" \\ c}, 'a request: User-Agent';

($r, $rec) = get('/v1/serve', method => 'POST', key => $key,
                 json => { namespace => 'prod', key => 'k' x 200 });
values_of('a body', $rec, operation => 'serve', outcome => 'allowed');
cmp_ok $rec->{bytes_in}, '>', 350, 'a body is among its bytes';

($r, $rec) = get('/v1/get/prod/k');
values_of('no key', $rec, operation => undef, outcome => 'missing_key',
    error => 'unauthorized', user_agent => undef, upstream_ms => undef,
    bytes_out => length $r->{body}, tenant_id => undef);
($r, $rec) = get('/v1/get/else/k', key => $key);
values_of('a foreign namespace', $rec, operation => 'get',
    outcome => 'namespace_denied', error => 'forbidden', namespace => 'else');
($r, $rec) = get('/v1/nothing', key => $key);
values_of('an unknown path', $rec, operation => undef,
    outcome => 'unknown_operation', error => 'not_found');
($r, $rec) = get('/v1/get/prod/k?_status=500', key => $key);
values_of('the engine\'s own error', $rec, operation => 'get',
    outcome => 'allowed', error => undef, status => 500);
($r, $rec) = get('/v1/get/prod/k?_drop', key => $key);
values_of('an engine that is gone', $rec, operation => 'get',
    outcome => 'allowed', status => 502);
($r, $rec) = get('/v1/get/else/k', port => $shadow);
values_of('shadow: "outcome" once', $rec, outcome => 'missing_key',
    status => 200);

# a User-Agent without end is cut
($r, $rec) = get('/v1/get/prod/k', key => $key,
                 headers => ['User-Agent', 'u' x 1000]);
is $rec->{user_agent}, 'u' x 256, 'a long User-Agent is cut';

is $server->stop, 0, 'nginx ends';
done_testing;
