# hx_gate_metrics: nginx -t warns of metrics that everybody can read.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $port = HX::port(3);
my $handler = 'hx_gate_metrics;';
my $ipv6 = -e '/proc/net/if_inet6';

# A server with this in it that listens there.
sub listens {
    my ($where, $more) = @_;
    my $listen = join ' ', map { "listen $_;" } @$where;
    return (http => "server { $listen\n$more\n}");
}

sub warned {
    my ($name, $location, %o) = @_;

    my ($code, $text, $server) = conf_text(%o);
    is $code, 0, "$name: accepted";
    my @warn = $text =~ /\[warn\] (.*)/g;
    my $conf = "$server->{dir}/nginx.conf";
    my ($before) = HXGate::slurp($conf) =~ /\A(.*?)location $location/s;
    my $line = 1 + ($before =~ tr/\n//);
    is "@warn", '"hx_gate_metrics" is open to everybody: there is no "deny '
        . qq(all" in location "$location" in $conf:$line),
        "$name: warned, once";
}

# whoever can reach it
warned('on all addresses', '/metrics',
       listens([$port], "location /metrics { $handler }"));
warned('on all IPv6 addresses', '/metrics',
       listens(["[::]:$port"], "location /metrics { $handler }")) if $ipv6;
warned('on loopback and elsewhere', '/metrics',
       listens(["127.0.0.1:$port", $port + 1],
               "location /metrics { $handler }"));
warned('a location in a location', '/m/etrics', listens([$port],
       "location /m/ { return 200; location /m/etrics { $handler } }"));
warned('with an if in it', '/metrics',
       listens([$port], "location /metrics { $handler if (\$uri) { } }"));
warned('with a limit_except that has rules', '/metrics', listens([$port],
       "location /metrics { $handler limit_except GET { deny all; } }"));
warned('rules that are elsewhere', '/metrics', listens([$port],
       "location /metrics { $handler } location /x { deny all; }"));
warned('a name shared with a server on loopback', '/metrics',
       listens(["127.0.0.1:$port"], "}\nserver { listen $port;\n"
               . "location /metrics { $handler }"));
warned('a rule for one', '/metrics',
       listens([$port], "location /metrics { $handler deny 192.0.2.1; }"));
warned('no password', '/metrics',
       listens([$port], "location /metrics { $handler auth_basic off; }"));

# rules
for my $rules ('allow 10.0.0.0/8; deny all;', 'deny all;',
               'allow ::1; deny all;', 'allow unix:; deny all;')
{
    conf_good("$rules in the location",
              listens([$port], "location /metrics { $handler $rules }"));
}
conf_good('rules around the location', listens([$port],
          "location / { deny all; location /metrics { $handler } }"));
conf_good('rules of the server',
          listens([$port], "deny all; location /metrics { $handler }"));
{
    my ($name, $text) = listens([$port], "location /metrics { $handler }");
    conf_good('rules of http', http => "deny all;\n$text");
}

# nobody but this machine
for my $where ("127.0.0.1:$port", "127.1.2.3:$port",
               "unix:$HXGate::Dir/metrics.sock", $ipv6 ? "[::1]:$port" : ())
{
    conf_good("on $where",
              listens([$where], "location /metrics { $handler }"));
}
conf_good('on several of them', listens(["127.0.0.1:$port",
                                         "127.0.0.2:$port"],
                                        "location /metrics { $handler }"));

done_testing;
