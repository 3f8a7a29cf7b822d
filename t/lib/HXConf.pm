package HXConf;

# Configurations that nginx -t accepts or refuses:
#
#     use lib 't/lib'; use HX; use HXConf;
#
#     conf_good('a zone of 512 kB', zone => 'hx_gate_zone gate 512k;');
#     conf_bad('no size', 'invalid number of arguments in "hx_gate_zone" '
#              . 'directive', zone => 'hx_gate_zone gate;');
#
# The parts of a good configuration are zone, registry, key, audit (all in
# http), http (more of it) and server; a test replaces some.  conf_bad()
# compares the whole message, and the file and line it names: the line of the
# first part that was given, or of the text "at", or no line ("at" undef).  What
# is asked when blocks are merged names the line where the block begins.  "env"
# changes the environment; undef takes a variable out.

use strict;
use warnings;

use HXGate;
use Test::More;

use Exporter qw(import);
our @EXPORT = qw(conf_good conf_warn conf_bad conf_inherits conf_text);

# environment that decides something must not come from outside
delete @ENV{grep { /^HX_GATE_/ } keys %ENV};

my %Part = (
    zone     => 'hx_gate_zone gate 1m;',
    registry => "hx_gate_registry lmdb:$HXGate::Dir/registry map_size=16m;",
    key      => "hx_gate_service_key file:$HXGate::Dir/service.key;",
    audit    => "hx_gate_audit_log $HXGate::Audit;",
    http     => '',
    server   => <<'EOC',
hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; proxy_pass http://127.0.0.1:1; }
EOC
);


my $Abort = join ' ', map { "${_}_ignore_client_abort on;" }
    qw(proxy fastcgi uwsgi scgi);


# What nginx -t says: (exit code, text, server); the server's nginx.conf is the
# file it read.
sub conf_text {
    my (%o) = @_;

    my %part = (%Part, map { $_ => $o{$_} } grep { exists $Part{$_} } keys %o);
    my $server = HXGate::Server->new(
        name => 'conf', config => $part{server},
        main => $o{main} // '', user => $o{user},
        http => join "\n", "client_max_body_size 0; $Abort", @part{qw(zone registry key audit http)});

    local %ENV = (%ENV, %{ $o{env} // {} });
    delete @ENV{grep { !defined $ENV{$_} } keys %ENV};

    my $out = "$server->{dir}/output";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', $out;
        open STDERR, '>', $out;
        { exec $server->command('-t') }
        POSIX::_exit(127);
    }
    waitpid $pid, 0;

    return ($? >> 8, HXGate::slurp($out), $server);
}


sub conf_good {
    my ($name, %o) = @_;

    my ($code, $text) = conf_text(%o);
    is $code, 0, $name;
    unlike $text, qr/\[(?:warn|error|crit|alert|emerg)\]/,
        "$name: without a complaint";
    return $text;
}


# The configuration holds, and nginx -t says just this one thing.
sub conf_warn {
    my ($name, $message, %o) = @_;

    my ($code, $text, $server) = conf_text(%o);
    my @said = $text =~ /\[(?:warn|error|crit|alert|emerg)\] (.*)/g;
    is $code, 0, $name;
    is join("\n", @said), conf_message($message, $server, %o), "$name: what";
}


sub conf_bad {
    my ($name, $message, %o) = @_;

    my ($code, $text, $server) = conf_text(%o);
    my ($emerg) = $text =~ /\[emerg\] (.*)/;
    is $code, 1, "$name: refused";
    is $emerg, conf_message($message, $server, %o), "$name: why";
}


# A directive that wins over an environment variable, on every level: nobody asks
# the environment where something else is said, so a value of it that is an
# error ("maybe") shows from where a location has its own.  env and bad: variable
# and message; on and off: two forms of the directive; admin: it holds on the
# admin plane, too.
sub conf_inherits {
    my (%d) = @_;

    my @env = (env => { $d{env} => 'maybe' });
    my $asks = sub { my ($name, @o) = @_;
                     conf_bad($name, $d{bad}, @env, at => 'location /v1/', @o) };
    my $does_not_ask = sub { my ($name, @o) = @_;
                             conf_good($name, @env, @o) };
    my $levels = sub {
        my ($server, $location, $inner) = @_;
        return (server => <<"EOC");
hx_gate_operations hx-sdp;
$server
location /v1/ { hx_gate on; $location return 200;
    location /v1/query/ { $inner return 200; }
}
EOC
    };

    my ($on, $off) = @d{qw(on off)};
    $asks->('no directive', $levels->('', '', ''));
    $does_not_ask->('of http', $levels->('', '', ''), http => $on);
    $does_not_ask->('of the server', $levels->($on, '', ''));
    $does_not_ask->('of the location', $levels->('', $off, ''));
    $asks->('of the inner location only', $levels->('', '', $off));
    $does_not_ask->('on every level', $levels->($on, $off, $on), http => $off);
    $asks->('of another server', $levels->('', '', ''),
            http => "server { listen 127.0.0.1:1; $on }");
    ($d{admin} ? $asks : $does_not_ask)->('the admin plane',
        server => 'location / { hx_gate_admin; }', at => 'location / {');
    $does_not_ask->('where the gate is off', zone => '', registry => '',
                    key => '', audit => '', server => 'return 200;');
    $does_not_ask->('readiness', server => 'location / { hx_gate_ready; }');
}


# The message with its place: the first line of the part that was given, or
# where "at" is (that begins with it when a line break is before it); undef is no
# place.
sub conf_message {
    my ($message, $server, %o) = @_;

    my $at = $o{at};
    if (!exists $o{at}) {
        my @given = grep { exists $o{$_} } qw(zone registry key audit http);
        ($at) = split /\n/, $o{$given[0]} if @given;
    }

    my $conf = "$server->{dir}/nginx.conf";
    my @lines = split /\n/, HXGate::slurp($conf);
    if (defined $at) {
        my $begins = $at =~ s/\A\n//;
        my ($n) = grep { my $i = index $lines[$_], $at;
                         $begins ? $i == 0 : $i >= 0 } 0 .. $#lines;
        die "\"$at\" is in no line" unless defined $n;
        $message .= " in $conf:" . ($n + 1);
    }
    return $message;
}

1;
