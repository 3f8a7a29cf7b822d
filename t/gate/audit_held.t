# A response that waits for its record, and what may come between: error pages,
# caches, ranges, rotations, clients that are slow or leave, a disk that hangs.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;
use Errno qw(ENOSPC);

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};
my ($shadow, $origin) = (HX::port(3), HX::port(4));
my $trail = "$HXGate::Dir/trail";
my $log = "$trail/audit.jsonl";
my $fault = "$HXGate::Dir/fault";
my $synced = "$HXGate::Dir/synced";
my $html = "$HXGate::Dir/html";
my $build = "$HX::Top/build/release";
my @libraries = ($ENV{HX_DISK_FAULT_LIB} // "$build/hx_disk_fault.so",
                 $ENV{HX_POWER_LOSS} // "$build/hx_power_loss.so");

mkdir $html or die $!;
HXGate::spew("$html/f", "what is in the file\n" x 3);

sub fault { HXGate::spew("$fault.new", "$_[0] " . ($_[1] // 0));
            chmod 0644, "$fault.new"; rename "$fault.new", $fault or die $! }
sub mend { unlink $fault or die $! }

my $server;
sub serve {
    my ($options, %o) = @_;
    $server->stop if $server && $server->{pid};
    system('rm', '-rf', $trail) == 0 && mkdir $trail or die $!;
    HXGate::give($trail);
    unlink $fault, $synced;
    HXGate::upstream_forget();
    $server = HXGate::Server->new(
        http => HXGate::http_config(audit => "$log $options", more => <<"EOC"),
    proxy_cache_path $HXGate::Dir/cache keys_zone=c:1m;
    send_timeout 5s;
    lingering_timeout 1s;
    server {
        listen 127.0.0.1:$shadow; hx_gate_operations hx-sdp;
        location /v1/ { hx_gate shadow;
            location ~ ^/v1/get/prod/(?<name>f)\$ { alias $html/\$name; } }
    }
EOC
        config => HXGate::config() . <<"EOC",
    location = /v1/get/prod/f { hx_gate on; alias $html/f; }
    location /v1/list/ { hx_gate on; proxy_cache c; proxy_cache_valid any 1m;
                         proxy_pass http://127.0.0.1:$origin; }
EOC
        env => { LD_PRELOAD => join(':', @libraries), HX_DISK_FAULT => $fault,
                 HX_DISK_FAULT_PATH => $trail, HX_POWER_LOSS_LOG => $synced },
        %o)->start;
    return $server;
}

sub records {
    my ($id) = @_;
    return map { "$_->{status} $_->{cus}" . ($_->{amends} ? ' amends' : '') }
        grep { ($_->{request_id} // '') eq $id } HXGate::audit(0, $log);
}

sub text {
    my ($method, $target, $id, %o) = @_;
    return HXGate::request_text($method, $target, key => $key, %o,
        headers => ['X-Request-Id', $id, @{ $o{headers} // [] }]);
}

# sends; the connection
sub begin {
    my ($text, $port) = @_;
    my $s = HXGate::connect_to($port // $server->{port});
    HXGate::send_all($s, $text);
    return $s;
}

sub seen { return scalar grep { ref } HXGate::upstream_log() }

sub under_way {
    my ($text) = @_;
    my $before = seen();
    my $s = begin($text);
    HXGate::wait_for('the engine', sub { seen() > $before });
    return $s;
}

sub status_of {
    my ($s, $method) = @_;
    my $rest = '';
    my $r = HXGate::response($s, \$rest, $method // 'GET');
    return $r ? $r->{status} : 'none';
}

# ---- an error page that takes the place of a file, while it waits
{
    serve('durability=fsync');
    fault('l');
    my $s = begin(text('GET', '/v1/get/prod/f', 'e-1', keepalive => 1,
                       headers => ['If-Match', '"another"'])
                  . text('GET', '/v1/get/prod/f', 'e-2'), $shadow);
    HXGate::wait_for('the record', sub { records('e-1') });
    mend();
    my $all = '';
    1 while HXGate::more($s, \$all);
    like $all, qr{\AHTTP/1\.1 412 .*\r\n\r\n<html>}s, 'an error page: sent';
    unlike +($all =~ m{\A(.*?)(?:HTTP/1\.1 200|\z)}s)[0], qr/what is in/,
        'an error page: and not the file behind it';
    is join(', ', records('e-1')), '412 0', 'an error page: one record';
}

# ---- a HEAD that fills a cache: the body comes when the header may long go
{
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp',
        LocalPort => $origin, Listen => 5, ReuseAddr => 1) or die $!;
    serve('durability=fsync');
    my $s = begin(text('HEAD', '/v1/list/prod', 'h-1'));
    my $c = $listen->accept or die $!;
    my $in = '';
    HXGate::more($c, \$in) until $in =~ /\r\n\r\n/;
    like $in, qr/^GET /, 'a cache: nginx asks for all of it';
    HXGate::send_all($c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    HXGate::wait_for('the record', sub { records('h-1') });
    is status_of($s, 'HEAD'), 200, 'a cache: the client does not wait for it';
    HXGate::send_all($c, '0123456789');
    close $c;
    is join(', ', records('h-1')), '200 0.1', 'a cache: one record';
}

# ---- parts of nothing
for my $durability ('write', 'fsync') {
    serve("durability=$durability");
    my $id = "r-$durability";
    my $s = begin(text('HEAD', '/v1/get/prod/f', $id,
                       headers => ['Range', 'bytes=99999-']));
    is status_of($s, 'HEAD'), 200, "$durability, HEAD with a range: answered";
    is join(', ', records($id)), '200 0.1',
        "$durability, HEAD with a range: recorded";

    $id = "g-$durability";
    $s = begin(text('GET', '/v1/get/prod/f', $id,
                    headers => ['Range', 'bytes=5-8']));
    is status_of($s), 206, "$durability, a part: answered";
    is join(', ', records($id)), '206 0.1', "$durability, a part: recorded";
}

# ---- bodies that never come say nothing about the answer
for my $how ('left open', 'reset') {
    my $id = "b-$how" =~ s/ /-/r;
    my $s = begin("POST /v1/put HTTP/1.1\r\nHost: a\r\nX-Request-Id: $id\r\n"
                  . "Content-Length: 100\r\n\r\nabc");
    is status_of($s), 401, "a body, $how: refused";
    if ($how eq 'reset') {
        HXGate::reset_peer($s);
    } else {
        my $rest = '';
        1 while HXGate::more($s, \$rest);
    }
    is $server->request('GET', '/health')->{status}, 200, "a body, $how: next";
    $server->stop if $how eq 'reset';
    is join(', ', records($id)), '401 0', "a body, $how: one record";
}

# ---- room that was made sure of is for those who are under way
for my $durability (qw(write fsync)) {
    serve("durability=$durability required");
    fault('l') if $durability eq 'fsync';
    my $s = under_way(text('GET', '/v1/get/prod/k', "u-$durability"));
    HXGate::wait_for('the record', sub { records("u-$durability") });
    fault('a' . ($durability eq 'fsync' ? 'l' : ''), ENOSPC);
    # 640 kilobytes are ahead
    my $status = 200;
    if ($durability eq 'write') {
        is status_of($s), 200, 'no more room, write: answered';
        $status = $server->request('GET', '/v1/get/prod/' . 'k' x 200,
                                   key => $key)->{status}
            for 1 .. 10;
        is $status, 200, 'no more room, write: what is there is used';
        mend();
    } else {
        fault('a', ENOSPC);
        is status_of($s), 200, 'no more room, fsync: answered';
        mend();
    }
    is $server->request('GET', '/gate/usage', key => $key)->{status}, 200,
        "no more room, $durability: tenants may look";
}

# ---- a disk that hangs: nobody new, and nothing that happens hides it
{
    serve('durability=fsync required');
    is status_of(begin(text('GET', '/v1/get/prod/k', 's-1'))), 200, 'a hang: not yet';
    fault('l');
    my $s = under_way(text('GET', '/v1/get/prod/k', 's-2'));
    HXGate::wait_for('the record', sub { records('s-2') });
    $server->signal('USR1');
    HXGate::wait_for('it to be noticed', sub {
        $server->logged(qr/fdatasync\(\) does not return/) });
    my $before = seen();
    is status_of(begin(text('GET', '/v1/get/prod/k', 's-3'))), 503,
        'a hang: 503 for the next one';
    is seen(), $before, 'a hang: which the engine does not see';
    is $server->request('GET', '/gate/usage', key => $key)->{status}, 200,
        'a hang: tenants may look at what they used';
    my $rest = '';
    1 while HXGate::more($s, \$rest);
    is $rest, '', 'a hang: what waited is not completed';
    mend();
    HXGate::wait_for('the end of the hang', sub {
        status_of(begin(text('GET', '/v1/get/prod/k', 's-4'))) == 200 });
    pass 'a hang: over';
}

# ---- a record that was cut, and a rotation: both files are synced before
# anything is answered
{
    serve('durability=fsync required');
    is status_of(begin(text('GET', '/v1/get/prod/k', 'c-0'))), 200, 'cut: before';
    my $inode = (stat $log)[1];
    # five that end together: one write, of which a half passes
    fault('l');
    my $first = under_way(text('GET', '/v1/get/prod/k', 'c-1'));
    HXGate::wait_for('the first', sub { records('c-1') });
    my @more = map { under_way(text('GET', '/v1/get/prod/k', "c-$_")) } 2 .. 6;
    fault('wh', ENOSPC);
    HXGate::wait_for('half a write', sub {
        $server->logged(qr/write\(\) was short/) });
    fault('w', ENOSPC);
    rename $log, "$log.1" or die $!;
    $server->signal('USR1');
    HXGate::wait_for('the new file', sub { -e $log });
    HXGate::wait_for('another try', sub {
        $server->logged(qr/write\(\) failed/) });
    mend();
    my @status = map { status_of($_) } $first, @more;
    my $size = -s "$log.1";
    my ($most) = sort { $b <=> $a }
        HXGate::slurp($synced) =~ /^\d+:$inode (\d+)/mg;
    cmp_ok scalar(grep { $_ eq 200 } @status), '>', 0, 'cut: some are answered';
    is $most, $size, 'cut: and all of the old file is on the disk';
    is $server->stop, 0, 'cut: nginx ends';
    my $t = HXGate::trail("$log.1", $log);
    is join(' ', map { $t->{there}{"c-$_"} // 0 } 0 .. 6), '1 1 1 1 1 1 1',
        'cut: every record is there once';
}

# ---- a worker that is to end tries on
{
    serve('durability=write required');
    fault('w', ENOSPC);
    my $s = under_way(text('GET', '/v1/get/prod/k', 'q-1'));
    HXGate::wait_for('the failure', sub {
        $server->logged(qr/write\(\) failed/) });
    $server->signal('QUIT');
    mend();
    is status_of($s), 200, 'an end: it is answered first';
    waitpid $server->{pid}, 0;
    undef $server->{pid};
    is join(', ', records('q-1')), '200 0.1', 'an end: with its record';
}

done_testing;
