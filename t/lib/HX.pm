package HX;

# The common start of every .t file:
#
#     use lib 't/lib'; use HX;
#     use Test::Nginx::Socket 'no_plan';
#
# It has to come before Test::Nginx, which reads its environment when it is
# loaded.  Finds the programs under test, and gives the file a server root and
# twenty free ports of its own: $TEST_NGINX_PORT for the server Test::Nginx
# starts, $TEST_NGINX_PORT_1 .. _19 for whatever else a block listens on.  In
# Perl the latter are HX::port(1) .. HX::port(19).

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(:flock);
use File::Basename qw(dirname basename);
use IO::Socket::INET;

our ($Top, $Scratch, $Port, $PortLock);

# Below the range the kernel takes client ports from.
use constant { PORT_FIRST => 20000, PORT_LAST => 31980, PORT_STEP => 20 };

BEGIN {
    $Top = abs_path(dirname(__FILE__) . '/../..');
}

# All ports of the block can be bound, and no other test holds its lock.
sub claim_ports {
    my ($dir) = @_;

    my $slots = int((PORT_LAST - PORT_FIRST) / PORT_STEP);
    my $first = int(rand($slots));

    for my $i (0 .. $slots - 1) {
        my $base = PORT_FIRST + PORT_STEP * (($first + $i) % $slots);

        open my $lock, '>', "$dir/ports.$base.lock"
            or die "HX.pm: $dir/ports.$base.lock: $!\n";
        next unless flock $lock, LOCK_EX | LOCK_NB;

        my @held = grep { defined } map {
            IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                  LocalPort => $base + $_, Proto => 'tcp',
                                  Listen => 1, ReuseAddr => 1)
        } 0 .. PORT_STEP - 1;

        return ($base, $lock) if @held == PORT_STEP;
    }

    die "HX.pm: no free ports in @{[PORT_FIRST]}..@{[PORT_LAST]}\n";
}

sub port {
    my ($n) = @_;
    die "HX::port($n): 1 .. " . (PORT_STEP - 1) . "\n"
        if $n < 1 || $n >= PORT_STEP;
    return $Port + $n;
}

# "listen ... http2;", which nginx warns of from 1.25.1 on, or what it wants.
sub listen_http2 {
    my ($where) = @_;
    my ($major, $minor, $patch) = qx('$ENV{HX_NGINX}' -v 2>&1)
        =~ m{nginx/(\d+)\.(\d+)\.(\d+)} or die "HX.pm: no version of nginx\n";
    return ($major * 1000 + $minor) * 1000 + $patch < 1025001
        ? "listen $where http2;" : "listen $where; http2 on;";
}

BEGIN {
    $Scratch = $ENV{HX_SCRATCH};
    if (!$Scratch) {
        chomp($Scratch = qx('$Top/packaging/dev/scratch-dir.sh' '$Top/build'));
        die "HX.pm: no scratch directory\n" unless $Scratch;
        $ENV{HX_SCRATCH} = $Scratch;
    }

    $ENV{HX_MODULE} ||= "$Top/build/ngx_http_hx_gate_module.so";
    $ENV{HX_ENGINE} ||= "$Top/build/hx-engine";
    # a .t file run by hand after "make BUILD=asan"
    if (!$ENV{HX_NGINX} && (readlink($ENV{HX_MODULE}) // '') =~ m{^asan/}) {
        $ENV{HX_NGINX} = "$Top/t/lib/nginx-sanitized.sh";
        $ENV{HX_SAN_DIR} = "$Scratch/asan-reports";
        mkdir $ENV{HX_SAN_DIR};
        chmod 01777, $ENV{HX_SAN_DIR};
    }
    $ENV{HX_NGINX} ||= '/usr/sbin/nginx';

    $ENV{TEST_NGINX_LOAD_MODULES} = $ENV{HX_MODULE};
    $ENV{TEST_NGINX_BINARY} = $ENV{HX_NGINX};
    $ENV{TEST_NGINX_TOP} = $Top;

    # workers that stay root would not notice a wrong permission
    $ENV{TEST_NGINX_WORKER_USER} ||= 'www-data' if $> == 0;

    umask 022;
    mkdir "$Scratch/servroot";
    (my $name = basename($0)) =~ s/\W/_/g;
    $ENV{TEST_NGINX_SERVROOT} = "$Scratch/servroot/$name";

    ($Port, $PortLock) = claim_ports("$Scratch/servroot");
    $ENV{TEST_NGINX_PORT} = $Port;

    # Test::Nginx writes it behind "listen": nobody else has to reach it
    $ENV{TEST_NGINX_SERVER_PORT} = "127.0.0.1:$Port";
    $ENV{TEST_NGINX_CLIENT_PORT} = $Port;
    $ENV{TEST_NGINX_STREAM_PORT} = $Port + 1;

    # at "debug" nginx -t warns of the headers that are in the log
    $ENV{TEST_NGINX_LOG_LEVEL} ||= 'info';
    $ENV{"TEST_NGINX_PORT_$_"} = $Port + $_ for 1 .. PORT_STEP - 1;
}

1;
