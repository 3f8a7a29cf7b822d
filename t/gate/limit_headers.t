# On which responses a tenant reads where it stands, and on which nobody does.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use Test::More;

HXGate::upstream();

my @ours = qw(x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset);
my $dead = HX::port(3);

my $server = HXGate::Server->new(
    http => HXGate::http_config(limits => 1),
    config => HXGate::config() . <<"EOC");
    location /v1/list/dead { hx_gate on; proxy_pass http://127.0.0.1:$dead; }
    location /v1/list/off {
        hx_gate on; hx_gate_rate_limit off;
        proxy_pass http://127.0.0.1:@{[HX::port(1)]};
    }
    location /v1/list/fields {
        hx_gate on; hx_gate_rate_limit_fields on;
        proxy_pass http://127.0.0.1:@{[HX::port(1)]};
    }
EOC
$server->start;
HXGate::create($server->{port},
    { tenant_id => 'acme', plan => 'builder',
      namespaces => [qw(default dead off fields)] },
    { tenant_id => 'idle', namespaces => ['default'] });

sub get {
    my ($target, %o) = @_;
    return $server->request($o{method} // 'GET', $target,
                            key => $HXGate::Key{$o{tenant} // 'acme'}, %o);
}

sub has {
    my ($name, $r, $status) = @_;
    is $r->{status}, $status, "$name: status";
    is scalar(grep { defined $r->{headers}{$_} } @ours), 3,
        "$name: the three fields";
}

sub has_not {
    my ($name, $r, $status) = @_;
    is $r->{status}, $status, "$name: status";
    is scalar(grep { defined $r->{headers}{$_} } @ours), 0, "$name: none";
}


has '200', get('/v1/list/default'), 200;
has 'HEAD', get('/v1/get/default/k', method => 'HEAD'), 200;
has '304', get('/v1/get/default/k?_status=304'), 304;
has '404 of the engine', get('/v1/list/default?_status=404'), 404;
has '500 of the engine', get('/v1/list/default?_status=500'), 500;
has '502', get('/v1/list/dead'), 502;
has '400', get('/v1/get/a%20b/k'), 400;
has '400 in a body', get('/v1/put', method => 'POST', body => '{"a'), 400;
has '403', get('/v1/list/foreign'), 403;
has '404 of the gate', get('/v1/none'), 404;
has '405', get('/v1/put'), 405;
has '413', get('/v1/put', method => 'POST',
               headers => ['Content-Length', 141_000_000]), 413;
has '415', get('/v1/put', method => 'POST', body => 'x',
               headers => ['Content-Type', 'text/plain']), 415;

my $idle = get('/v1/list/foreign', tenant => 'idle');
is $idle->{headers}{'x-ratelimit-remaining'}, 10, 'nothing used: all remains';
cmp_ok $idle->{headers}{'x-ratelimit-reset'}, '<=', time + 1,
    'nothing used: it is reset already';

$server->admin('onboard/suspend', { tenant_id => 'idle' });
has '403, suspended', get('/v1/list/default', tenant => 'idle'), 403;

has_not '401, no key', $server->request('GET', '/v1/list/default'), 401;
has_not '401, wrong key',
    $server->request('GET', '/v1/list/default',
                     key => HXGate::unknown_key()), 401;
has_not 'admin', $server->admin('admin/tenants'), 200;
has_not 'admin, 404', $server->admin('admin/tenants/nobody'), 404;
has_not 'health', $server->request('GET', '/health'), 200;
has_not 'limit off', get('/v1/list/off'), 200;


# what an upstream says in our name is not passed on

my $r = get('/v1/list/default?_header=X-RateLimit-Limit:%207'
            . '&_header=x-ratelimit-remaining:%2099999');
is $r->{headers}{'x-ratelimit-limit'}, 100, 'our limit, once';
cmp_ok $r->{headers}{'x-ratelimit-remaining'}, '<', 100,
    'our remainder, once';


# the IETF's fields, where they are wanted

ok !defined $r->{headers}{ratelimit}, 'RateLimit is opt-in';
$r = get('/v1/list/fields');
is $r->{headers}{'ratelimit-policy'}, '"default";q=100;w=60',
    'RateLimit-Policy';
my $left = $r->{headers}{'x-ratelimit-remaining'};
like $r->{headers}{ratelimit}, qr/^"default";r=$left;t=6[01]$/, 'RateLimit';
has 'beside the others', $r, 200;

$server->stop;
done_testing;
