# hx_gate_metrics: Prometheus' text, true numbers, bounded series.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use Test::More;

HXGate::upstream();

my $server = HXGate::Server->new(
    workers => 2, listen => 'reuseport',
    http => HXGate::http_config(limits => 1),
    config => HXGate::config() . <<"EOC");
    location = /metrics { allow 127.0.0.1; deny all; hx_gate_metrics; }
    location /v1/delete/ {
        hx_gate on; hx_gate_rate_limit off;
        proxy_pass http://127.0.0.1:@{[HX::port(1)]};
    }
EOC
$server->start;
HXGate::create($server->{port},
    { tenant_id => 'acme', plan => 'builder' }, { tenant_id => 'few' });

my ($text, %m);         # what the last scrape said

sub scrape {
    my $r = $server->request('GET', '/metrics');
    is $r->{status}, 200, 'a scrape';
    is $r->{headers}{'content-type'}, 'text/plain; version=0.0.4',
        'its type';

    my %seen;
    for (grep { !/^#/ } split /\n/, $r->{body}) {
        /^(\w+(?:\{.*\})?) (\S+)$/ or fail "a line of no sample: $_";
        ok !exists $seen{$1}, "twice: $1" if exists $seen{$1};
        $seen{$1} = $2;
    }
    return ($r->{body}, %seen);
}

# Scrapes until a tenant's puts come to so much: a client has its answer before
# the worker has counted it, and another worker may be the one that is scraped.
sub told {
    my ($tenant, $cus) = @_;
    my $name = qq{hx_gate_cus_total{tenant_id="$tenant",operation="put"}};
    HXGate::wait_for("$name $cus", sub {
        ($text, %m) = scrape();
        return ($m{$name} // '') eq $cus;
    });
}

sub ask {
    my ($tenant, $method, $target, %o) = @_;
    return $server->request($method, $target, key => $HXGate::Key{$tenant},
                            %o)->{status};
}


($text, %m) = scrape();
is $m{hx_gate_registry_up}, 1, 'the registry is up';
is $m{'hx_gate_auth_failures_total{reason="invalid_key"}'}, 0,
    'counters are there from the beginning';

is ask('acme', 'POST', '/v1/put', json => { key => 'k' }), 200, "put $_"
    for 1 .. 5;
is ask('acme', 'GET', '/v1/get/default/k?_status=404'), 404, 'get, 404';
is ask('acme', 'HEAD', '/v1/get/default/k'), 200, 'head';
is ask('acme', 'GET', '/v1/list/foreign'), 403, 'denied';
is $server->request('GET', '/v1/list/default')->{status}, 401, 'no key';
is $server->request('GET', '/v1/list/default',
                    key => HXGate::unknown_key())->{status}, 401, 'wrong key';

# before the first scrape that sees it, what a tenant used is part of "other"
($text, %m) = scrape();
is $m{'hx_gate_cus_total{tenant_id="other",operation="put"}'}, '5.0',
    'before it has a place it is "other"';

is ask('acme', 'POST', '/v1/put', json => { key => 'k' }), 200, "put $_"
    for 6 .. 8;
my %few;
$few{ask('few', 'GET', '/v1/list/default')}++ for 1 .. 13;
is_deeply \%few, { 200 => 10, 429 => 3 }, 'ten of another, three refused';

is ask('acme', 'DELETE', '/v1/delete/default/k'), 200,
    'where the limit is off';

is ask('acme', 'GET', '/gate/usage'), 200, 'own usage';
is $server->request('GET', '/gate/usage')->{status}, 401, 'nobody\'s';
for ('/gate/admin/usage/acme', '/gate/admin/usage/few', '/gate/admin/usage') {
    is $server->request('GET', $_, service => 1)->{status}, 200, $_;
}
is $server->request('GET', '/gate/admin/nothing', service => 1)->{status}, 404,
    'no call';

($text, %m) = scrape();
my %want = (
    'hx_gate_cus_total{tenant_id="acme",operation="delete"}' => '0.1',
    'hx_gate_requests_total{method="POST",path="/v1/put",status="200"}' => 8,
    'hx_gate_requests_total{method="GET",path="/v1/get/{ns}/{key}",'
        . 'status="404"}' => 1,
    'hx_gate_requests_total{method="HEAD",path="/v1/get/{ns}/{key}",'
        . 'status="200"}' => 1,
    'hx_gate_requests_total{method="GET",path="/v1/list/{ns}",status="200"}'
        => 10,
    'hx_gate_requests_total{method="GET",path="/v1/list/{ns}",status="429"}'
        => 3,
    'hx_gate_requests_total{method="GET",path="/v1/list/{ns}",status="403"}'
        => 1,
    'hx_gate_requests_total{method="GET",path="other",status="401"}' => 2,
    'hx_gate_requests_total{method="GET",path="other",status="404"}' => 1,
    'hx_gate_requests_total{method="POST",path="/gate/onboard/create",'
        . 'status="201"}' => 2,
    'hx_gate_requests_total{method="GET",path="/gate/usage",status="200"}' => 1,
    'hx_gate_requests_total{method="GET",path="/gate/usage",status="401"}' => 1,
    'hx_gate_requests_total{method="GET",path="/gate/admin/usage",'
        . 'status="200"}' => 1,
    'hx_gate_requests_total{method="GET",'
        . 'path="/gate/admin/usage/{tenant_id}",status="200"}' => 2,
    'hx_gate_request_duration_seconds_count{method="POST",path="/v1/put"}'
        => 8,
    'hx_gate_request_duration_seconds_bucket{method="POST",path="/v1/put",'
        . 'le="+Inf"}' => 8,
    'hx_gate_cus_total{tenant_id="other",operation="put"}' => '5.0',
    'hx_gate_cus_total{tenant_id="acme",operation="put"}' => '3.0',
    'hx_gate_auth_failures_total{reason="missing_key"}' => 2,
    'hx_gate_auth_failures_total{reason="invalid_key"}' => 1,
    'hx_gate_namespace_denials_total' => 1,
    'hx_gate_quota_rejections_total' => 0,
    'hx_gate_audit_lost_total' => 0,
    'hx_gate_zone_full_total' => 0,
);
is $m{$_}, $want{$_}, $_ for sort keys %want;

my $rejected = 0;
$rejected += $m{$_} for grep { /^hx_gate_rate_limit_rejections_total/ } keys %m;
is $rejected, 3, 'rejections, whoever they are told of';
is $m{'hx_gate_zone_tenants'}, 2, 'tenants in the zone';

for my $secret (values %HXGate::Key, $HXGate::ServiceKey) {
    ok index($text, $secret) < 0, 'no secret';
}

# promtool judges form and names
open my $p, '|-', "promtool check metrics >'$HXGate::Dir/promtool' 2>&1" or die $!;
print $p $text;
close $p;
is $?, 0, 'promtool check metrics';
is HXGate::slurp("$HXGate::Dir/promtool"), '', 'and has nothing to say';


# it survives a reload, and the numbers go on
my %before = %m;
$server->reload;
($text, %m) = scrape();
is_deeply [grep { !defined $m{$_} || $m{$_} < $before{$_} }
           grep { /_total|_count|_sum|_bucket/ } keys %before], [],
    'no counter goes back with a reload';

is $server->request('POST', '/metrics', body => 'x')->{status}, 405, 'POST';
is $server->request('HEAD', '/metrics')->{status}, 200, 'HEAD';

# another zone: its tenants get their places
$server->reload(http => HXGate::http_config(limits => 1,
    zone => "gate 2m state=$HXGate::Dir"));
ask('acme', 'POST', '/v1/put', json => { key => 'k' });
told('other', '6.0');
ask('acme', 'POST', '/v1/put', json => { key => 'k' });
told('acme', '1.0');
is $m{'hx_gate_cus_total{tenant_id="acme",operation="put"}'}, '1.0',
    'in another zone its series begins anew';

# many tenants, few series
HXGate::create($server->{port},
    map { { tenant_id => "many-$_", plan => 'pro' } } 1 .. 130);
ask("many-$_", 'GET', '/v1/list/default') for 1 .. 130;
scrape();
ask("many-$_", 'GET', '/v1/list/default') for 1 .. 130;
($text, %m) = scrape();
my %tenant = map { /tenant_id="([^"]+)"/ ? ($1 => 1) : () } keys %m;
is scalar(keys %tenant), 101, 'no more than a hundred and "other"';
my $all = 0;
$all += $m{$_} for grep { /^hx_gate_cus_total.*"list"/ } keys %m;
cmp_ok abs($all - 27), '<', 0.01, 'together they are everything';

# one without a place: a narrow lead gives it none, twice as much does
my ($late) = grep { !$tenant{"many-$_"} } 1 .. 130;
ask("many-$late", 'POST', '/v1/put', json => { key => 'k' }) for 1 .. 9;
scrape();
ask("many-$late", 'POST', '/v1/put', json => { key => 'k' });
($text, %m) = scrape();
ok !defined $m{qq(hx_gate_cus_total{tenant_id="many-$late",operation="put"})},
    'nobody loses a place to a narrow lead';
ask("many-$late", 'POST', '/v1/put', json => { key => 'k' }) for 1 .. 3;
scrape();
ask("many-$late", 'POST', '/v1/put', json => { key => 'k' });
($text, %m) = scrape();
is $m{qq(hx_gate_cus_total{tenant_id="many-$late",operation="put"})}, '1.0',
    'but to one that has used twice as much';
%tenant = map { /tenant_id="([^"]+)"/ ? ($1 => 1) : () } keys %m;
is scalar(keys %tenant), 101, 'and it took just one';

$server->stop;
done_testing;
