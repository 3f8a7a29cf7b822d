# From the moment an admin call has been answered, what it changed holds on
# every connection of every worker, and in another nginx on the same registry.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

use constant ROUNDS => 24;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'other', namespaces => ['prod'] });

my $config = HXGate::config(gate => 'add_header X-Worker $pid always;');
my @server = map {
    HXGate::Server->new(name => "nginx-$_", port => HX::port(2 + $_),
                        workers => $_ == 1 ? 4 : 2, config => $config,
                        http => HXGate::http_config(
                            audit => "$HXGate::Dir/audit-$_.jsonl"))->start
} 1, 2;

# Connections that stay, two at least to every worker.
my @conn;
for my $server (@server) {
    my %seen;
    HXGate::wait_for('connections to all workers', sub {
        my $c = { s => HXGate::connect_to($server->{port}), rest => '' };
        push @conn, $c;
        my ($r) = ask($HXGate::Key{other}, $c);
        $seen{$r->{headers}{'x-worker'}}++;
        return $server->{workers} == grep { $_ >= 2 } values %seen;
    });
}
note scalar(@conn) . ' connections';

# The same request on each of the connections.
sub ask {
    my ($key, @c) = @_;
    my $text = HXGate::request_text('GET', '/v1/list/prod', key => $key,
                                    keepalive => 1);
    HXGate::send_all($_->{s}, $text) for @c;
    return map { HXGate::response($_->{s}, \$_->{rest}) } @c;
}

# How many answered what: "401" when all are of one mind.
sub all {
    my ($key) = @_;
    my %n;
    $n{$_->{status}}++ for ask($key, @conn);
    return join ' ', sort keys %n;
}

sub call {
    my ($i, $name, %json) = @_;
    my $r = $server[$i]->admin("onboard/$name",
                               { tenant_id => 'acme', %json });
    die "$name: $r->{status} $r->{body}" if $r->{status} !~ /^20/;
    return $r->{json}{api_key};
}

my $key = call(0, 'create', namespaces => ['prod']);
is all($key), '200', 'created: everywhere';

my (@old, @new);
for my $round (1 .. ROUNDS) {
    my $next = call($round % 2, 'rotate-key');
    push @old, all($key);
    push @new, all($next);
    $key = $next;
}
is join(' ', @old), join(' ', (401) x ROUNDS), 'rotated: the old key is dead';
is join(' ', @new), join(' ', (200) x ROUNDS), 'rotated: the new key works';

my (@out, @in);
for my $round (1 .. ROUNDS / 4) {
    call($round % 2, 'suspend');
    push @out, all($key);
    call($round % 2, 'activate');
    push @in, all($key);
    call($round % 2, 'add-namespace', namespace => 'rest');
    call($round % 2, 'remove-namespace', namespace => 'prod');
    push @out, all($key);
    call($round % 2, 'add-namespace', namespace => 'prod');
    call($round % 2, 'remove-namespace', namespace => 'rest');
    push @in, all($key);
}
is join(' ', @out), join(' ', (403) x (ROUNDS / 2)),
    'suspended, or without the namespace: out';
is join(' ', @in), join(' ', (200) x (ROUNDS / 2)), 'and in again';

call(1, 'delete');
is all($key), '401', 'deleted: nowhere';
is all($HXGate::Key{other}), '200', 'all the while: the other tenant';

is join(' ', map { $_->stop } @server), '0 0', 'both end well';
is join("\n", map { $_->logged(qr/\[(?:error|crit|alert|emerg)\]/) } @server),
    '', 'nothing an operator has to look at';
done_testing;
