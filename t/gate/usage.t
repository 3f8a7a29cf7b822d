# What tenants have used, as an operator and as a tenant read it.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use HXBlock;
use POSIX qw(strftime);
use Test::More;

HXGate::upstream();

my $server = HXGate::Server->new(
    workers => 2, listen => 'reuseport',
    http => HXGate::http_config(limits => 1), config => HXGate::config()
        . 'location = /gate/usage { satisfy any; allow 127.0.0.1; '
        . 'hx_gate_admin; }');
$server->start;
HXGate::create($server->{port},
    { tenant_id => 'acme', plan => 'builder' },
    { tenant_id => 'big', plan => 'enterprise' },
    { tenant_id => 'none' },
    { tenant_id => 'gone', plan => 'builder' });

my $period = strftime('%Y-%m', gmtime);

sub ask {
    my ($tenant, $method, $target, %o) = @_;
    return $server->request($method, $target, key => $HXGate::Key{$tenant},
                            %o);
}

sub put { return ask($_[0], 'POST', '/v1/put', json => { key => 'k' }) }


is put('acme')->{status}, 200, "put $_" for 1 .. 12;
is ask('acme', 'GET', '/v1/get/default/k')->{status}, 200, "get $_" for 1 .. 3;
is ask('acme', 'GET', '/v1/get/default/k?_status=304')->{status}, 304, 'a 304';
is ask('acme', 'GET', '/v1/get/default/k?_status=404')->{status}, 404, 'a 404';
is ask('acme', 'POST', '/v1/serve',
       json => { key => 'k', mode => 'gpu' })->{status}, 200, 'gpu';
is put('big')->{status}, 200, 'put of another';
is put('gone')->{status}, 200, 'put of a third';

my $acme = {
    tenant_id => 'acme', period => $period, cus_used => 14.4,
    monthly_quota => 50000, utilization => 0.0003,
    breakdown => { put => 12, get => 0.4, serve_gpu => 2 },
};

my $r = $server->admin('admin/usage/acme');
is $r->{status}, 200, 'usage of one';
is_deeply $r->{json}, $acme, 'what it is charged with';
like $r->{body}, qr/"cus_used":14\.4,/, 'one decimal';
like $r->{body}, qr/"utilization":0\.0003,/, 'four decimals';
ok !defined $r->{headers}{'x-ratelimit-limit'}, 'admin: no rate fields';

is_deeply $server->admin('admin/usage/none')->{json},
    { tenant_id => 'none', period => $period, cus_used => 0,
      monthly_quota => 1000, utilization => 0, breakdown => {} },
    'one that has used nothing';
is_deeply $server->admin('admin/usage/big')->{json},
    { tenant_id => 'big', period => $period, cus_used => 1,
      monthly_quota => undef, utilization => 0, breakdown => { put => 1 } },
    'one without a quota';

is_deeply $server->admin('admin/usage/acme?period=2020-01')->{json},
    { %$acme, period => '2020-01', cus_used => 0, utilization => 0,
      breakdown => {} }, 'another period';

HXBlock::refusal('nobody', $server->admin('admin/usage/nobody'), 404,
                 'not_found', "Tenant 'nobody' not found");
HXBlock::refusal('a period', $server->admin('admin/usage?period=2026-13'),
                 400, 'invalid_request',
                 "Argument 'period' must be a month, YYYY-MM");
HXBlock::refusal('a bad id', $server->admin('admin/usage/a%20b'), 400,
                 'invalid_request', 'Invalid tenant_id');
HXBlock::refusal('a tenant key',
                 ask('acme', 'GET', '/gate/admin/usage'), 401, 'unauthorized',
                 'Invalid service key');
HXBlock::refusal('POST', $server->admin('admin/usage', {}), 405,
                 'method_not_allowed', 'Method not allowed');


# all of them, also one that is deleted

is $server->admin('onboard/delete', { tenant_id => 'gone' })->{status}, 200,
    'one is deleted';

$r = $server->admin('admin/usage');
is $r->{status}, 200, 'usage of all';
is_deeply [map { $_->{tenant_id} } @{ $r->{json}{tenants} }],
    [qw(acme big gone none)], 'in order';
is_deeply $r->{json}{tenants}[0], $acme, 'the same of each';
is_deeply $r->{json}{tenants}[2],
    { tenant_id => 'gone', period => $period, cus_used => 1,
      monthly_quota => undef, utilization => 0, breakdown => { put => 1 } },
    'the deleted one is still billed';
is $r->{json}{count}, 4, 'count';
is $r->{json}{period}, $period, 'period';
is $r->{json}{next_cursor}, undef, 'no more';
is $server->admin('admin/usage/gone')->{json}{cus_used}, 1, 'it alone';

$r = $server->admin('admin/usage?limit=2');
is_deeply [map { $_->{tenant_id} } @{ $r->{json}{tenants} }],
    [qw(acme big)], 'a page';
is $r->{json}{next_cursor}, 'big', 'where the next one begins';
$r = $server->admin('admin/usage?limit=2&cursor=big');
is_deeply [map { $_->{tenant_id} } @{ $r->{json}{tenants} }],
    [qw(gone none)], 'the next page';
is $r->{json}{next_cursor}, undef, 'the last one';


# a tenant's own

my $before = ask('acme', 'GET', '/v1/get/default/k?_status=404')
    ->{headers}{'x-ratelimit-remaining'};
$r = ask('acme', 'GET', '/gate/usage');
is $r->{status}, 200, 'own usage';
is_deeply $r->{json}, $acme, 'the same as the operator reads';
is $r->{headers}{'x-hx-cus'}, '0.0', 'for nothing';
is $r->{headers}{'x-ratelimit-remaining'}, $before - 1,
    'but a request like any other';
is ask('acme', 'GET', '/gate/usage?period=2020-01')->{json}{cus_used}, 0,
    'own usage of another period';

HXBlock::refusal('no key', $server->request('GET', '/gate/usage'), 401,
                 'unauthorized', 'Missing API key');
HXBlock::refusal('the service key', $server->admin('usage'), 401,
                 'unauthorized', 'Invalid API key');
HXBlock::refusal('own, POST', ask('acme', 'POST', '/gate/usage', json => {}),
                 405, 'method_not_allowed', 'Method not allowed');

my $limit = 0;
for (1 .. 12) {
    my $answer = ask('none', 'GET', '/gate/usage');
    next if $answer->{status} != 429
        || $answer->{json}{error} ne 'rate_limited';
    $limit++;
    is $answer->{headers}{'x-ratelimit-remaining'}, 0, 'a 429 tells, too';
    is $answer->{headers}{'x-hx-cus'}, '0.0', 'and costs nothing';
}
is $limit, 2, 'and limited like any other';

my @own = @{ HXGate::wait_for('the records', sub {
    my @all = grep { $_->{path} eq '/gate/usage' } HXGate::audit();
    return @all >= 17 && [grep { $_->{status} == 200 } @all];
}) };
my @acme = grep { $_->{tenant_id} eq 'acme' } @own;
is scalar(@acme), 2, 'recorded for the tenant';
is $acme[0]{cus}, 0, 'at no cost';

$server->stop;
done_testing;
