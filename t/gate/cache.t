# Answers from nginx's cache: behind the gate like others, and what fills the
# cache asks the engine as the gate does.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] },
                { tenant_id => 'other', namespaces => ['other'] });
mkdir "$HXGate::Dir/cache";
HXGate::give("$HXGate::Dir/cache");

my %Key = %HXGate::Key;
my $Server = HXGate::Server->new(http => HXGate::http_config() . <<"EOC",
proxy_cache_path $HXGate::Dir/cache keys_zone=one:1m use_temp_path=off;
EOC
    config => HXGate::config(gate => <<'EOC'))->start;
proxy_cache one;
proxy_cache_background_update on;
proxy_cache_use_stale updating;
add_header X-Cache $upstream_cache_status always;
EOC

sub get {
    my ($target, @o) = @_;
    return $Server->request('GET', $target, @o);
}

sub upstream { return scalar HXBlock::records() }

my $target = '/v1/get/prod/k?_header=Cache-Control:max-age=100';

my $r = get($target, key => $Key{acme});
is("$r->{status} $r->{headers}{'x-cache'}", '200 MISS', 'not cached yet');
$r = get($target, key => $Key{acme}, headers => ['X-Request-Id', 'mine']);
is("$r->{status} $r->{headers}{'x-cache'}", '200 HIT', 'cached');
is($r->{headers}{'x-hx-cus'}, '0.1', 'charged');
is($r->{headers}{'x-request-id'}, 'mine', 'its own request id');
is(upstream(), 1, 'the engine was asked once');

HXBlock::refusal('cached, no key', get($target), 401, 'unauthorized',
                 'Missing API key');
HXBlock::refusal('cached, unknown key',
                 get($target, key => HXGate::unknown_key()), 401,
                 'unauthorized', 'Invalid API key');
HXBlock::refusal('cached, foreign', get($target, key => $Key{other}), 403,
                 'forbidden',
                 "Namespace 'prod' not permitted for tenant 'other'");
is(upstream(), 1, 'the engine was asked no more');

# a stale answer goes out at once, a subrequest of nginx's renews it
HXGate::upstream_forget();
$target = '/v1/get/prod/s?_header='
    . 'Cache-Control:max-age=1,%20stale-while-revalidate=100';
is(get($target, key => $Key{acme})->{headers}{'x-cache'}, 'MISS',
   'not cached yet');
HXGate::wait_for('a stale answer', sub {
    $r = get($target, key => $Key{acme});
    return $r->{headers}{'x-cache'} eq 'STALE';
});
is($r->{headers}{'x-hx-cus'}, '0.1', 'stale: charged once');
HXGate::wait_for('the renewal', sub { upstream() >= 2 });
for my $sent ((HXBlock::records())[0, 1]) {
    is(HXGate::sent($sent, 'Authorization'), "Bearer $HXGate::ServiceKey",
       'the service key');
    is(HXGate::sent($sent, 'X-HX-Tenant'), 'acme', 'the tenant');
    is(HXGate::sent($sent, 'X-HX-Namespace'), 'prod', 'the namespace');
    is(HXGate::sent($sent, 'X-Api-Key'), undef, 'no API key');
}

# a 401 of the engine is not kept
HXGate::upstream_forget();
$target = '/v1/get/prod/u?_status=401&_header=Cache-Control:max-age=100';
for (1 .. 2) {
    $r = get($target, key => $Key{acme});
    HXBlock::refusal('the engine refuses the gate', $r, 502,
                     'engine_unreachable', 'Engine is unreachable');
}

is(scalar $Server->logged(qr/\[(?:alert|emerg|crit)\]/), 0,
   'nothing bad in the error log');
is($Server->stop, 0, 'nginx stops');
done_testing();
