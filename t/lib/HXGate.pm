package HXGate;

# What the suites of the module share, beside HX.pm:
#
#     use lib 't/lib'; use HX; use HXGate;
#     use Test::Nginx::Socket 'no_plan';
#
#     HXGate::upstream();                     # tells what it was sent
#     HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
#     HXGate::blocks();                       # standard http_config, config
#
# Every file has a directory of its own ($Dir) with a registry that workers can
# write, a service key and an audit log.  Keys of tenants() are in %Key.
# HXGate::Server is an nginx beside the one that Test::Nginx runs, for what
# needs signals, several workers or two servers on one registry.

use strict;
use warnings;

use Carp qw(croak);
use Digest::MD5 ();
use File::Basename qw(basename);
use File::Path qw(make_path remove_tree);
use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use POSIX qw(WNOHANG);
use Time::HiRes qw(time);

use HX;

our ($Dir, $Audit, $ServiceKey, %Key);

my $Owner = $$;
my $UpstreamPid;

# Longest wait for anything that is bound to happen.
use constant PATIENCE => $ENV{HX_PATIENCE} // 20;


{
    (my $name = basename($0, '.t')) =~ s/\W/_/g;
    $Dir = "$HX::Scratch/gate/$name";

    remove_tree($Dir);
    make_path($Dir);
    chmod 0755, $Dir;

    mkdir "$Dir/registry";
    give("$Dir/registry");

    $Audit = "$Dir/audit.jsonl";
    $ServiceKey = join '', map { ('a' .. 'z', 0 .. 9)[rand 36] } 1 .. 40;
    spew("$Dir/service.key", "$ServiceKey\n");
    chmod 0600, "$Dir/service.key";

    $ENV{TEST_NGINX_GATE_DIR} = $Dir;
}


# Hands a path to the user that workers run as.
sub give {
    my ($path) = @_;

    return if $> != 0;
    my ($uid, $gid) = (getpwnam $ENV{TEST_NGINX_WORKER_USER})[2, 3];
    chown $uid, $gid, $path or croak "chown $path: $!";
}


sub spew {
    my ($path, $text) = @_;

    open my $f, '>:raw', $path or croak "$path: $!";
    print $f $text or croak "$path: $!";
    close $f or croak "$path: $!";
}


# '' for a file that is not there (yet).
sub slurp {
    my ($path) = @_;

    open my $f, '<:raw', $path or return '';
    local $/;
    return scalar(<$f>) // '';
}


# Asks until the answer is true, at most PATIENCE seconds; returns it.
sub wait_for {
    my ($what, $ask) = @_;

    my $end = time + PATIENCE;
    while (1) {
        my $answer = $ask->();
        return $answer if $answer;
        die "waited in vain for $what\n" if time > $end;
        select undef, undef, undef, 0.005;
    }
}


# The audit records of a file; waits until there are $n.
sub audit {
    my ($n, $file) = @_;
    $file //= $Audit;

    if ($n) {
        wait_for("$n records in $file", sub {
            (() = slurp($file) =~ /\n/g) >= $n;
        });
    }

    return map { JSON::PP::decode_json($_) } split /\n/, slurp($file);
}


# All of an audit trail, torn lines and all: { there => how often each request
# id is there (amendments apart), cut => lines that are the beginning of a record
# which is there, bad => other lines that are no records }.
sub trail {
    my (@files) = @_;

    my %t = (there => {}, cut => [], bad => []);
    my (@whole, @rest);
    for my $line (map { split /\n/, slurp($_), -1 } @files) {
        my $record = eval { JSON::PP::decode_json($line) };
        if ($record) {
            push @whole, $line;
            $t{there}{$record->{request_id}}++
                if defined $record->{request_id} && !$record->{amends};
        } elsif ($line ne '') {
            push @rest, $line;
        }
    }
    for my $line (@rest) {
        my $cut = grep { index($_, $line) == 0 } @whole;
        push @{ $t{$cut ? 'cut' : 'bad'} }, $line;
    }
    return \%t;
}


# ---- configuration ----------------------------------------------------------

# What every server needs in its http context.  Options: map_size, audit (the
# arguments of hx_gate_audit_log), registry (arguments of hx_gate_registry), zone
# (of hx_gate_zone), more (lines).  Rate limits are off unless limits => 1.
sub http_config {
    my (%o) = @_;

    my $registry = $o{registry}
        // "lmdb:$Dir/registry map_size=" . ($o{map_size} // '16m');
    my $audit = $o{audit} // "$Audit flush=10ms";
    my $zone = $o{zone} // "gate 1m state=$Dir";
    my $more = ($o{limits} ? '' : "hx_gate_rate_limit off;\n")
        . ($o{more} // '');

    return <<"EOC";
    hx_gate_zone $zone;
    $more
    hx_gate_registry $registry;
    hx_gate_service_key file:$Dir/service.key;
    hx_gate_audit_log $audit;
EOC
}


# The data plane in front of upstream(), the admin plane, health.  "gate" is
# put into the gated location.
sub config {
    my (%o) = @_;

    my $gate = $o{gate} // '';
    my $port = HX::port(1);

    return <<"EOC";
    hx_gate_operations hx-sdp;
    location /v1/ {
        hx_gate on;
        client_max_body_size 135m;
        $gate
        proxy_pass http://127.0.0.1:$port;
    }
    location /gate/ { hx_gate_admin; }
    location = /health { hx_gate_health; }
    location = /ready { hx_gate_ready; }
EOC
}


# Blocks without http_config or config get the standard ones.  A block's
# "--- tenant: acme" adds that tenant's key, "--- service" the service key.
sub blocks {
    # without a master there is no worker that gives up root's rights
    Test::Nginx::Util::master_on();

    Test::Nginx::Util::add_block_preprocessor(sub {
        my ($block) = @_;

        $block->set_value('http_config', http_config())
            unless defined $block->http_config;
        $block->set_value('config', config())
            unless defined $block->config;

        my $more = $block->more_headers // '';
        if (defined(my $id = $block->tenant)) {
            $id =~ s/\s+$//;
            croak "no key for $id" unless $Key{$id};
            $block->set_value('more_headers', "X-Api-Key: $Key{$id}\n$more");
        }
        if (defined $block->service) {
            $block->set_value('more_headers',
                              "Authorization: Bearer $ServiceKey\n$more");
        }
    });
}


# ---- client -----------------------------------------------------------------

sub connect_to {
    my ($port) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $port // $HX::Port,
                                  Proto => 'tcp')
        or croak "connect to $port: $!";
    binmode $s;
    return $s;
}


# Closes it with a reset: the peer sees an error, not an end.
sub reset_peer {
    my ($s) = @_;

    setsockopt $s, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0)
        or croak "SO_LINGER: $!";
    close $s;
}


# Writes all of it; false when the peer is gone.
sub send_all {
    my ($s, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $at = 0;
    while ($at < length $bytes) {
        my $n = syswrite $s, $bytes, length($bytes) - $at, $at;
        return 0 if !defined $n;
        $at += $n;
    }
    return 1;
}


# More bytes from the socket into $$in; false at its end.
sub more {
    my ($s, $in) = @_;

    IO::Select->new($s)->can_read(PATIENCE) or croak 'no answer in time';
    return sysread $s, $$in, 65536, length $$in;
}


# Reads one response: { status, head, headers => { name => value }, body,
# json }; undef when the connection ended before one began.  Values of repeated
# headers are joined by "\n".  What follows it stays in $$rest.
sub response {
    my ($s, $rest, $method) = @_;

    my $in = $rest ? $$rest : '';
    until ($in =~ /\r\n\r\n/) {
        if (!more($s, \$in)) {
            return undef if $in eq '';
            croak "cut response head: $in";
        }
    }

    my ($head, $body) = split /\r\n\r\n/, $in, 2;
    my ($line, @lines) = split /\r\n/, $head;
    my %h;
    for (@lines) {
        my ($name, $value) = /^([^:]+):[ ]?(.*)$/ or croak "header: $_";
        $name = lc $name;
        $h{$name} = exists $h{$name} ? "$h{$name}\n$value" : $value;
    }
    my ($status) = $line =~ m{^HTTP/1\.[01] (\d{3})} or croak "status: $line";

    if ($status == 204 || $status == 304 || $status < 200
        || ($method // '') eq 'HEAD')
    {
        $$rest = $body if $rest;
        $body = '';

    } elsif (defined $h{'content-length'}) {
        while (length $body < $h{'content-length'}) {
            more($s, \$body) or croak 'cut response body';
        }
        $$rest = substr $body, $h{'content-length'} if $rest;
        $body = substr $body, 0, $h{'content-length'};

    } elsif (($h{'transfer-encoding'} // '') eq 'chunked') {
        my $left = unchunk($s, \$body);
        $$rest = $left if $rest;

    } else {
        1 while more($s, \$body);
        $$rest = '' if $rest;
    }

    my $json = ($h{'content-type'} // '') =~ /json/ && length $body
        ? eval { JSON::PP::decode_json($body) } : undef;

    return { status => $status, head => $head, headers => \%h, body => $body,
             json => $json };
}


# Takes the chunked coding off $$body; returns what came after.
sub unchunk {
    my ($s, $body) = @_;

    my $plain = '';
    while (1) {
        my $n;                  # $1 does not outlive the loop that set it
        until (defined $n) {
            if ($$body =~ s/^([0-9a-fA-F]+)[^\r\n]*\r\n//) {
                $n = hex $1;
            } else {
                more($s, $body) or croak 'cut chunk';
            }
        }
        while (length $$body < $n + 2) {
            more($s, $body) or croak 'cut chunk';
        }
        $plain .= substr $$body, 0, $n;
        substr $$body, 0, $n + 2, '';
        last if !$n;
    }

    my $left = $$body;
    $$body = $plain;
    return $left;
}


# The text of a request.  headers => [name, value, ...]; key => API key;
# service => 1 for the service key; json => a structure; body => bytes.
sub request_text {
    my ($method, $target, %o) = @_;

    my @h = ('Host', 'localhost', @{ $o{headers} // [] });
    push @h, 'X-Api-Key', $o{key} if defined $o{key};
    push @h, 'Authorization', "Bearer $ServiceKey" if $o{service};
    push @h, 'Connection', 'close' unless $o{keepalive};

    my $body = defined $o{json} ? JSON::PP::encode_json($o{json}) : $o{body};
    if (defined $body) {
        push @h, 'Content-Length', length $body;
        push @h, 'Content-Type', 'application/json'
            unless grep { lc eq 'content-type' } @h;
    }

    my $text = "$method $target HTTP/1.1\r\n";
    while (my ($name, $value) = splice @h, 0, 2) {
        $text .= "$name: $value\r\n";
    }
    return "$text\r\n" . ($body // '');
}


# One request on a connection of its own, to "port" or Test::Nginx's server.
sub request {
    my ($method, $target, %o) = @_;

    my $s = connect_to($o{port});
    send_all($s, request_text($method, $target, %o));
    my $rest = '';
    return response($s, \$rest, $method);
}


# An admin call, POST with a body, else GET.
sub admin {
    my ($path, $json, %o) = @_;

    return request(defined $json ? 'POST' : 'GET', "/gate/$path",
                   service => 1, json => $json, %o);
}


# ---- upstream ---------------------------------------------------------------

# Starts a server on HX::port(1) that answers every request with JSON:
# { method, target, headers: [[name, value]...], body_length, body_md5, body }
# (body only up to 4096 bytes).  "?_status=404" in the target chooses the
# status, "?_header=Name:value" adds one, "?_drop" closes without an answer.
# The same records go to upstream_log(), one a request, and "open" for every
# connection accepted, in the order they come.
sub upstream {
    my ($port) = @_;
    $port //= HX::port(1);

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => $port, Proto => 'tcp',
                                       Listen => 128, ReuseAddr => 1)
        or croak "listen on $port: $!";

    spew("$Dir/upstream.log", '');
    my $pid = fork // croak "fork: $!";
    if ($pid == 0) {
        eval { upstream_loop($listen) };
        print STDERR "# upstream: $@" if $@;
        POSIX::_exit(1);
    }

    close $listen;
    $UpstreamPid = $pid;
    return $pid;
}


sub upstream_loop {
    my ($listen) = @_;

    $SIG{TERM} = $SIG{INT} = $SIG{HUP} = 'DEFAULT';
    $SIG{PIPE} = 'IGNORE';

    open my $log, '>>:raw', "$Dir/upstream.log" or die $!;
    $log->autoflush(1);

    my $select = IO::Select->new($listen);
    my %conn;

    while (1) {
        for my $s ($select->can_read) {
            if ($s == $listen) {
                my $c = $listen->accept or next;
                print $log qq("open"\n);
                $select->add($c);
                $conn{$c} = { in => '' };
                next;
            }
            next if upstream_read($s, $conn{$s}, $log);
            $select->remove($s);
            delete $conn{$s};
            close $s;
        }
    }
}


# False when the connection is to be closed.
sub upstream_read {
    my ($s, $c, $log) = @_;

    sysread $s, $c->{in}, 262144, length $c->{in} or return 0;

    while (1) {
        if (!$c->{req}) {
            $c->{in} =~ s/^(.*?)\r\n\r\n//s or return 1;
            my ($line, @h) = split /\r\n/, $1;
            my ($method, $target, $version) = split / /, $line;
            $c->{version} = $version;
            $c->{req} = { method => $method, target => $target,
                          headers => [map { [split /: ?/, $_, 2] } @h] };
            my %h = map { (lc $_->[0], $_->[1]) } @{ $c->{req}{headers} };
            $c->{connection} = lc($h{connection} // '');
            $c->{chunked} = defined $h{'transfer-encoding'};
            $c->{left} = $h{'content-length'} // 0;
            @$c{qw(md5 length start)} = (Digest::MD5->new, 0, '');
        }

        my $done = $c->{chunked} ? upstream_chunks($c) : upstream_body($c);
        return 1 if !$done;

        my $req = delete $c->{req};
        $req->{body_length} = $c->{length};
        $req->{body_md5} = $c->{md5}->hexdigest;
        $req->{body} = $c->{start} if $c->{length} <= 4096;
        return 0 if !upstream_answer($s, $c, $req, $log);
    }
}


sub upstream_take {
    my ($c, $n) = @_;

    my $part = substr $c->{in}, 0, $n, '';
    $c->{md5}->add($part);
    $c->{start} .= $part if $c->{length} <= 4096;
    $c->{length} += length $part;
    return length $part;
}


sub upstream_body {
    my ($c) = @_;

    $c->{left} -= upstream_take($c, $c->{left}) if $c->{left};
    return $c->{left} == 0;
}


sub upstream_chunks {
    my ($c) = @_;

    while ($c->{in} =~ /^([0-9a-fA-F]+)\r\n/) {
        my ($n, $head) = (hex $1, length($1) + 2);
        return 0 if length $c->{in} < $head + $n + 2;
        substr $c->{in}, 0, $head, '';
        upstream_take($c, $n);
        substr $c->{in}, 0, 2, '';
        return 1 if $n == 0;
    }
    return 0;
}


sub upstream_answer {
    my ($s, $c, $req, $log) = @_;

    my $json = JSON::PP->new->canonical->encode($req);
    print $log "$json\n";

    return 0 if $req->{target} =~ /[?&]_drop\b/;
    my $status = $req->{target} =~ /[?&]_status=(\d+)/ ? $1 : 200;
    my $keep = $c->{version} eq 'HTTP/1.1' && $c->{connection} ne 'close';

    my $head = "HTTP/1.1 $status Status\r\nContent-Type: application/json\r\n";
    while ($req->{target} =~ /[?&]_header=([^&]*)/g) {
        (my $h = $1) =~ s/%(..)/chr hex $1/ge;
        $head .= "$h\r\n";
    }
    $head .= $keep ? "Connection: keep-alive\r\n" : "Connection: close\r\n";

    my $bare = $status == 304 || $status == 204;
    $head .= 'Content-Length: ' . length($json) . "\r\n" unless $bare;
    $json = '' if $bare || $req->{method} eq 'HEAD';
    return send_all($s, "$head\r\n$json") && $keep;
}


# What the upstream has seen: "open" and requests.
sub upstream_log {
    my $json = JSON::PP->new->allow_nonref;
    return map { $json->decode($_) } split /\n/, slurp("$Dir/upstream.log");
}


# Forgets what it has seen so far.
sub upstream_forget {
    truncate "$Dir/upstream.log", 0 or croak "upstream.log: $!";
}


# The one value of a header in an upstream record; undef when it is absent,
# several are joined by "\n".
sub sent {
    my ($record, $name) = @_;

    my @v = map { $_->[1] } grep { lc $_->[0] eq lc $name }
        @{ $record->{headers} };
    return @v ? join("\n", @v) : undef;
}


sub upstream_stop {
    return if !$UpstreamPid;
    kill 'TERM', $UpstreamPid;
    waitpid $UpstreamPid, 0;
    undef $UpstreamPid;
}


# ---- TLS --------------------------------------------------------------------

# Directives for a self-signed certificate of "localhost".
sub certificate {
    my ($crt, $key) = ("$Dir/tls.crt", "$Dir/tls.key");

    if (!-e $crt) {
        system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -batch "
               . "-subj /CN=localhost -keyout '$key' -out '$crt.new' "
               . "2>'$Dir/openssl.log'") == 0
            or croak 'openssl req failed';
        rename "$crt.new", $crt or croak "$crt: $!";
    }
    return "ssl_certificate $crt; ssl_certificate_key $key;";
}


# ---- tenants ----------------------------------------------------------------

# Creates tenants through the admin plane of an nginx that runs only for this;
# each is the body of a "create" call.  Their keys go to %Key.
sub tenants {
    my (@tenants) = @_;

    my $server = HXGate::Server->new(
        name => 'onboard', port => HX::port(19),
        http => http_config(audit => 'off'),
        config => 'location /gate/ { hx_gate_admin; }');
    $server->start;
    create($server->{port}, @tenants);
    $server->stop;
}


sub create {
    my ($port, @tenants) = @_;

    for my $t (@tenants) {
        my $r = admin('onboard/create', $t, port => $port);
        croak "create $t->{tenant_id}: $r->{status} $r->{body}"
            if $r->{status} != 201;
        $Key{$t->{tenant_id}} = $r->{json}{api_key};
    }
}


# Another process takes the registry's one write lock; what is returned gives it
# back.  mdb_load begins a write transaction and then waits for its input.
sub lock_registry {
    pipe my $out, my $in or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<&', $out;
        close $in;
        { exec 'mdb_load', '-T', '-s', 'other', "$Dir/registry" }
        POSIX::_exit(127);
    }
    close $out;
    wait_for('mdb_load to wait for input', sub {
        slurp("/proc/$pid/syscall") =~ /^0 0x0 /;
    });
    return sub {
        close $in;
        waitpid $pid, 0;
        croak 'mdb_load failed' if $?;
    };
}


# nginx has read the request: nothing of it is left in a socket's buffer
sub read_whole {
    my ($server, $s) = @_;
    my $ends = sprintf '[0-9A-F]{8}:%04X [0-9A-F]{8}:%04X', $server->{port},
        $s->sockport;
    wait_for('the request to be read', sub {
        slurp('/proc/net/tcp') =~ / $ends 01 \w{8}:00000000 /;
    });
}


# A key of the right form and checksum that nobody has.
sub unknown_key {
    my $text = 'hx_live_' . join '', map { ('A' .. 'Z', 'a' .. 'z')[rand 52] }
        1 .. 43;
    return $text . base62(crc32($text), 6);
}


sub crc32 {
    my ($text) = @_;

    my $crc = 0xffffffff;
    for my $byte (unpack 'C*', $text) {
        $crc ^= $byte;
        $crc = $crc & 1 ? ($crc >> 1) ^ 0xedb88320 : $crc >> 1 for 1 .. 8;
    }
    return $crc ^ 0xffffffff;
}


sub base62 {
    my ($n, $width) = @_;

    my $text = '';
    for (1 .. $width) {
        $text = (0 .. 9, 'A' .. 'Z', 'a' .. 'z')[$n % 62] . $text;
        $n = int($n / 62);
    }
    return $text;
}


END {
    if ($$ == $Owner) {
        local $?;
        upstream_stop();
        HXGate::Server::stop_all();
    }
}


# ---- a server of our own ----------------------------------------------------

package HXGate::Server;

use strict;
use warnings;

use Carp qw(croak);
use File::Path qw(make_path remove_tree);
use POSIX qw(WNOHANG);

my @Running;


# name, port, http, config; also workers (1), main (text of the main context),
# listen (parameters: "reuseport" spreads connections over all workers), env (of
# the process), wrap (a command that becomes it, for example prlimit).
sub new {
    my ($class, %o) = @_;

    my $self = bless { workers => 1, name => 'server', port => HX::port(2),
                       main => '', listen => '', http => HXGate::http_config(),
                       config => HXGate::config(), env => {}, %o }, $class;

    $self->{dir} = "$HXGate::Dir/$self->{name}";
    $self->{error_log} = "$self->{dir}/error.log";
    remove_tree($self->{dir});
    make_path("$self->{dir}/tmp");
    $self->write;

    return $self;
}


# Writes the configuration: at the start, and again before a reload.
sub write {
    my ($self, %o) = @_;

    %$self = (%$self, %o);

    my $user = $self->{user}
        // ($> == 0 ? "user $ENV{TEST_NGINX_WORKER_USER};" : '');
    my $events = $self->{events} // '';
    HXGate::spew("$self->{dir}/nginx.conf", <<"EOC");
load_module $ENV{HX_MODULE};
$user
worker_processes $self->{workers};
daemon off;
pid nginx.pid;
error_log $self->{error_log} info;
$self->{main}
events { worker_connections 512; $events }
http {
access_log off;
client_body_temp_path tmp/body;
proxy_temp_path tmp/proxy;
fastcgi_temp_path tmp/fastcgi;
uwsgi_temp_path tmp/uwsgi;
scgi_temp_path tmp/scgi;
$self->{http}
server {
listen 127.0.0.1:$self->{port} $self->{listen};
$self->{config}
}
}
EOC
}


sub command {
    my ($self, @more) = @_;
    return ($ENV{HX_NGINX}, '-p', $self->{dir}, '-c', 'nginx.conf',
            '-e', $self->{error_log}, @more);
}


sub start {
    my ($self) = @_;

    my $pid = fork // croak "fork: $!";
    if ($pid == 0) {
        @ENV{keys %{ $self->{env} }} = values %{ $self->{env} };
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/output";
        open STDERR, '>>', "$self->{dir}/output";
        { exec @{ $self->{wrap} // [] }, $self->command }
        POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    push @Running, $self;

    HXGate::wait_for("nginx \"$self->{name}\"", sub {
        if (waitpid($pid, WNOHANG) == $pid) {
            undef $self->{pid};
            die "nginx \"$self->{name}\" did not start:\n"
                . HXGate::slurp("$self->{dir}/output");
        }
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $self->{port})
            && $self->pids == $self->{workers};
    });

    return $self;
}


# Renames the file and has it made again; returns when nobody has the old one
# open.
sub rotate {
    my ($self, $file, $old) = @_;

    rename $file, $old or croak "rename $file: $!";
    $self->signal('USR1');
    HXGate::wait_for("the new $file", sub {
        return -e $file && !grep { (readlink($_) // '') eq $old }
            map { glob "/proc/$_/fd/*" } $self->{pid}, $self->pids;
    });
}


# The workers of this server: no master, and nobody who looks after a cache.
sub pids {
    my ($self) = @_;
    my $pid = $self->{pid};
    # nginx cannot change the title that valgrind stands under
    return grep { HXGate::slurp("/proc/$_/cmdline")
                      =~ /worker process|^\S*valgrind/ }
        split ' ', HXGate::slurp("/proc/$pid/task/$pid/children");
}


sub signal {
    my ($self, $name) = @_;
    kill $name, $self->{pid} or croak "kill $name: $!";
}


# Reloads; returns when the workers of before are gone.
sub reload {
    my ($self, %o) = @_;

    $self->write(%o) if %o;
    my %old = map { $_ => 1 } $self->pids;
    $self->signal('HUP');
    HXGate::wait_for('the new workers', sub {
        my @now = $self->pids;
        return @now == $self->{workers} && !grep { $old{$_} } @now;
    });
}


sub request {
    my ($self, $method, $target, %o) = @_;
    return HXGate::request($method, $target, port => $self->{port}, %o);
}


sub admin {
    my ($self, $path, $json, %o) = @_;
    return HXGate::admin($path, $json, port => $self->{port}, %o);
}


# Waits until all workers answer with this status, /ready or what $ask asks.
# The server listens with "reuseport" and adds a header "X-Worker $pid".
sub all_answer {
    my ($self, $status, $ask) = @_;

    $ask //= sub { $self->request('GET', '/ready') };
    HXGate::wait_for("$status of all workers", sub {
        my (%worker, $other);
        for (1 .. 30) {
            my $r = $ask->();
            $worker{$r->{headers}{'x-worker'}}++;
            $other++ if $r->{status} != $status;
        }
        return !$other && keys %worker == $self->{workers};
    });
}


# Lines of the error log that match.
sub logged {
    my ($self, $re) = @_;
    return grep { $_ =~ $re } split /\n/, HXGate::slurp($self->{error_log});
}


# Ends it (QUIT, or another signal) and returns its exit code; the test fails
# loudly when it does not go.
sub stop {
    my ($self, $signal) = @_;

    my $pid = delete $self->{pid} or return;
    @Running = grep { $_ != $self } @Running;

    kill $signal // 'QUIT', $pid;
    my $status;
    my $gone = eval {
        HXGate::wait_for('nginx to go', sub {
            return 0 if waitpid($pid, WNOHANG) != $pid;
            $status = $?;
            return 1;
        });
    };
    if (!$gone) {
        kill 'KILL', $pid;
        waitpid $pid, 0;
        croak "nginx \"$self->{name}\" did not stop";
    }
    return $status >> 8;
}


sub stop_all {
    $_->stop('TERM') for @Running;
}

1;
