# durability=write and fsync: whoever has a whole response finds its record in
# the file, at once, whatever the response looks like; and exactly one.
use lib 't/lib'; use HX; use HXGate; use HXH2;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};

my ($h2, $raw, $zip, $origin) = map { HX::port($_) } 3 .. 6;
my $html = "$HXGate::Dir/html";
mkdir $html or die $!;
HXGate::spew("$html/small", 'fine');
HXGate::spew("$html/big", join '', map { sprintf "%07d\n", $_ } 1 .. 400_000);
HXGate::spew("$html/huge", '');         # more than any buffer on the way holds
truncate "$html/huge", 64 * 1024 * 1024 or die $!;
HXGate::spew("$html/parts", '<!--# echo var="request_method" -->' x 3000);

# path of the gate => [origin's answer, status]
my %answer = (
    small => 200, big => 200, parts => 200, empty => 200, none => 204,
    same => 304, missing => 404, broken => 500,
);
my $locations = join "\n", map { <<"EOC" }
    location ~ ^/v1/get/prod/empty\$ { return 200; }
    location ~ ^/v1/get/prod/none\$ { return 204; }
    location ~ ^/v1/get/prod/same\$ { return 304; }
    location ~ ^/v1/get/prod/broken\$ { return 500; }
    location ~ ^/v1/get/prod/parts\$ {
        ssi on; ssi_types *; alias $html/parts;
    }
    location ~ ^/v1/get/prod/(?<name>.+)\$ { alias $html/\$name; }
EOC
    1;

sub gate_config {
    my ($more) = @_;
    return <<"EOC";
    hx_gate_operations hx-sdp;
    hx_gate_key_format any;
    location = /v1/get/prod/huge {
        hx_gate on; sendfile on; alias $html/huge;
    }
    location /v1/ {
        hx_gate on;
        proxy_http_version 1.1;
        $more
        proxy_pass http://127.0.0.1:$origin;
    }
    location /gate/ { hx_gate_admin; }
EOC
}

my $n = 0;

# all records of a request id that are in the file now
sub now {
    my ($id) = @_;
    return grep { $_->{request_id} eq $id } HXGate::audit(0);
}

sub found {
    my ($name, $id, $status) = @_;
    my @records = now($id);
    is join(' ', map { $_->{status} } @records), $status,
        "$name: its record is there";
}

for my $durability (qw(write fsync)) {
    unlink $HXGate::Audit;

    my $server = HXGate::Server->new(
        workers => 2,
        http => HXGate::http_config(
            audit => "$HXGate::Audit durability=$durability flush=60s")
            . <<"EOC",
    server { listen 127.0.0.1:$origin; $locations }
    server { listen 127.0.0.1:$h2 http2; @{[gate_config('')]} }
    server { listen 127.0.0.1:$raw;
             @{[gate_config('proxy_buffering off;')]} }
    server { listen 127.0.0.1:$zip; gzip on; gzip_types *;
             gzip_min_length 1; @{[gate_config('')]} }
EOC
        config => gate_config(''))->start;

    for my $case (['buffered', undef], ['not buffered', $raw], ['gzip', $zip]) {
        my ($how, $port) = @$case;

        for my $path (sort keys %answer) {
            for my $method (qw(GET HEAD)) {
                my $id = "d-$durability-" . ++$n;
                my $name = "$durability, $how, $method $path";
                my @h = ('X-Request-Id', $id);
                push @h, 'Accept-Encoding', 'gzip' if $how eq 'gzip';
                my $r = $server->request($method, "/v1/get/prod/$path",
                    key => $key, headers => \@h,
                    ($port ? (port => $port) : ()));
                is $r->{status}, $answer{$path}, "$name: status";
                found($name, $id, $answer{$path});
            }
        }
    }

    # many on one connection
    {
        my $s = HXGate::connect_to($server->{port});
        my @ids = map { "p-$durability-$_" } 1 .. 50;
        HXGate::send_all($s, join '', map {
            HXGate::request_text('GET', '/v1/get/prod/'
                . (qw(small none empty missing))[$_ % 4], key => $key,
                keepalive => 1, headers => ['X-Request-Id', $ids[$_]])
        } 0 .. $#ids);
        my $rest = '';
        my $missing = 0;
        for my $id (@ids) {
            my $r = HXGate::response($s, \$rest, 'GET');
            $missing++ if now($id) != 1;
        }
        is $missing, 0, "$durability: each of a pipeline";
    }

    # HTTP/1.0: the end of the connection is the end of the response
    {
        my $id = "o-$durability";
        my $s = HXGate::connect_to($server->{port});
        HXGate::send_all($s, "GET /v1/get/prod/parts HTTP/1.0\r\n"
            . "X-Api-Key: $key\r\nX-Request-Id: $id\r\n\r\n");
        my $all = '';
        1 while HXGate::more($s, \$all);
        like $all, qr{^HTTP/1.1 200 }, "$durability, HTTP/1.0: status";
        found("$durability, HTTP/1.0", $id, 200);
    }

    # HTTP/2
    my $c = HXH2->new($h2);
    for my $path (sort keys %answer) {
        for my $method (qw(GET HEAD)) {
            my $id = "h2-$durability-" . ++$n;
            my $stream = $c->headers([':method', $method, ':scheme', 'http',
                ':path', "/v1/get/prod/$path", ':authority', 'localhost',
                'x-api-key', $key, 'x-request-id', $id], end => 1);
            my $r = $c->answer($stream);
            is $r->{status}, $answer{$path},
                "$durability, HTTP/2, $method $path: status";
            found("$durability, HTTP/2, $method $path", $id, $answer{$path});
        }
    }
    $c->close;

    # refused before anything is read, and by an error page of nginx
    for my $case (['no key', 401, sub {
                      $server->request('GET', '/v1/get/prod/small', @_) }],
                  ['an admin call', 200, sub {
                      $server->request('GET', '/gate/admin/tenants',
                                       service => 1, @_) }],
                  ['an admin call without a key', 403, sub {
                      $server->request('GET', '/gate/admin/tenants', @_) }],
                  ['a foreign namespace', 403, sub {
                      $server->request('GET', '/v1/get/staging/small',
                                       key => $key, @_) }])
    {
        my ($name, $status, $ask) = @$case;
        my $id = "r-$durability-" . ++$n;
        my $r = $ask->(headers => ['X-Request-Id', $id]);
        $status = $r->{status} if $name =~ /without/;
        is $r->{status}, $status, "$durability, $name: status";
        found("$durability, $name", $id, $status);
    }

    my $leave = sub {
        my ($path, $id) = @_;
        my $s = HXGate::connect_to($server->{port});
        HXGate::send_all($s, HXGate::request_text('GET', "/v1/get/prod/$path",
            key => $key, headers => ['X-Request-Id', $id]));
        my $some = '';
        HXGate::more($s, \$some);
        close $s;       # unread bytes in the socket: that resets the connection
    };

    # a client that leaves when the record was made, as that of one large file
    # is at its beginning: it is amended by a second one, which charges nothing
    my $id = "gone-$durability";
    $leave->('huge', $id);
    HXGate::wait_for('the amendment', sub { now($id) == 2 });
    my @records = now($id);
    is_deeply [@{ $records[0] }{qw(status cus amends)}], [200, 0.1, undef],
        "$durability, gone: the first record";
    is_deeply [@{ $records[1] }{qw(status cus amends)}], [499, 0, $id],
        "$durability, gone: the second one";

    is $server->stop, 0, "$durability: nginx ends";
    my %seen;
    $seen{$_->{request_id}}++
        for grep { !$_->{amends} } HXGate::audit(0);
    is_deeply [grep { $seen{$_} != 1 } sort keys %seen], [],
        "$durability: no record is there twice";
    is scalar($server->logged(qr/\[(alert|crit|emerg)\]/)), 0,
        "$durability: nothing in the error log";
}

done_testing;
