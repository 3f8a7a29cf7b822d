# Locations that are not the gate's, wherever the audit log is set, or nowhere:
# nginx answers them as if the module were not loaded.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });

my $upstream = HX::port(1);
my $elsewhere = HX::port(3);

# Other locations of the same server, and another server.
my $plain = <<"EOC";
    location = /health { hx_gate_health; }
    location = /ready { hx_gate_ready; }
    location = /metrics { allow all; hx_gate_metrics; }
EOC
my $foreign = <<"EOC";
    location = /hello { return 200 "hello"; }
    location = /empty { return 204; }
    location = /moved { return 301 /hello; }
    location = /proxied { proxy_pass http://127.0.0.1:$upstream; }
    location = /nginx.conf { root .; }
    location = /off { hx_gate off; return 200 "off"; }
    location / { return 404; }
EOC
my @expected = (
    [GET => '/hello', 200], [HEAD => '/hello', 200], [GET => '/empty', 204],
    [GET => '/moved', 301], [GET => '/proxied', 200], [POST => '/proxied', 200],
    [GET => '/nginx.conf', 200], [GET => '/off', 200], [GET => '/nope', 404],
    [GET => '/.%2e/', 400]);
my @own = ([GET => '/health', 200], [GET => '/ready', 200],
           [GET => '/metrics', 200], [GET => '/v1/get/prod/k', 401]);

sub gate_config {
    my ($audit) = @_;
    return HXGate::config(gate => $audit) =~ s/(?<=hx_gate_admin;)/ $audit/r
        =~ s/^.*hx_gate_(?:health|ready);.*\n//mgr . $plain . $foreign;
}

sub without_audit {
    return HXGate::http_config() =~ s/^.*hx_gate_audit_log.*\n//mr
        . "server { listen 127.0.0.1:$elsewhere; $foreign }\n";
}

sub answers {
    my ($name, $server, $records, @want) = @_;

    $server->start;
    my ($pid) = $server->pids;
    for (@want) {
        my ($method, $target, $status, $port) = @$_;
        is HXGate::request($method, $target, port => $port // $server->{port}
            )->{status}, $status, "$name: $method $target";
    }
    is join(' ', $server->pids), $pid, "$name: one worker all the time";
    is $server->stop, 0, "$name: nginx ends";
    is scalar(HXGate::slurp($HXGate::Audit) =~ tr/\n//), $records,
        "$name: records" if defined $records;
    unlink $HXGate::Audit;
}

my @all = (@own, @expected, map { [@$_, $elsewhere] } @expected);

for my $how ('', ' durability=write', ' durability=fsync required') {
    my $audit = "hx_gate_audit_log $HXGate::Audit$how;";
    answers("in http$how", HXGate::Server->new(
        http => without_audit() . $audit, config => gate_config('')), 1, @all);
    answers("in the locations$how", HXGate::Server->new(
        http => without_audit(), config => gate_config($audit)), 1, @all);
}

my $default = HXGate::Server->new(
    http => without_audit(), config => gate_config(''),
    env => { HX_GATE_AUDIT_LOG_PATH => $HXGate::Audit });
answers('by the environment', $default, 1, @all);

my $off = HXGate::Server->new(
    http => without_audit(), config => gate_config(''),
    env => { HX_GATE_AUDIT_ENABLED => 'false' });
answers('off by the environment', $off, undef, @all);

answers('off', HXGate::Server->new(
    http => without_audit() . "hx_gate_audit_log off;\n",
    config => gate_config('')), undef, @all);

# loaded, and not used at all
answers('no directive', HXGate::Server->new(
    http => '', config => $foreign =~ s/^.*hx_gate off.*\n//mr), undef,
    grep { $_->[1] ne '/off' } @expected);

done_testing;
