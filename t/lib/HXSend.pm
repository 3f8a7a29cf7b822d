package HXSend;

# One body, sent every way there is; and how much of it nginx has taken.
#
#     my $server = HXGate::Server->new(env => HXSend::env(), config =>
#         "listen 127.0.0.1:" . HX::port(3) . " http2;" . ...);
#     for my $way (HXSend::ways()) {
#         my $r = HXSend::post($way, $server, HX::port(3), '/v1/put', $body,
#                              key => $key);
#     }
#
# The answer has, beside what HXGate::response() says (HTTP/2: status, body,
# json), "continued": a 100 came before it, and "sent": bytes of the body that
# left us.

use strict;
use warnings;

use Carp qw(croak);
use IO::Select ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

use HX;
use HXGate;
use HXH2;

# with a length or without, waiting for a 100 or not, at once or in small pieces
my %Ways = (
    'length'          => { length => 1 },
    'chunked'         => {},
    'expect'          => { length => 1, expect => 1 },
    'expect, chunked' => { expect => 1 },
    'drip'            => { length => 1, drip => 1 },
    'drip, chunked'   => { drip => 1 },
    'HTTP/2'          => { h2 => 1 },
    'HTTP/2, length'  => { h2 => 1, length => 1 },
);


sub ways { return sort keys %Ways }


# Is the length told before the body?
sub announced { return $Ways{ $_[0] }{length} }


# ---- what nginx takes -------------------------------------------------------

sub counts { return "$HXGate::Dir/received" }


# Environment of a HXGate::Server whose reads are to be counted.
sub env {
    my $library = $ENV{HX_RECV_COUNT_LIB}
        // "$HX::Top/build/release/hx_recv_count.so";
    croak "no $library" unless -e $library;
    return { LD_PRELOAD => $library, HX_RECV_COUNT => counts() };
}


# Bytes read from this connection of ours, or that of this client port.
sub taken {
    my ($s) = @_;

    my $port = ref $s ? $s->sockport : $s;
    open my $f, '<:raw', counts() or croak counts() . ": $!";
    sysseek $f, 8 * $port, 0 or croak "seek: $!";
    sysread($f, my $n, 8) == 8 or croak "read: $!";
    return unpack 'Q<', $n;
}


# Waits until nginx has taken all that was sent; false: it has answered, or
# hung up, before.
sub wait_taken {
    my ($s, $sent) = @_;

    my $answer = IO::Select->new($s);
    my $end = time + HXGate::PATIENCE;
    while (taken($s) < $sent) {
        return 0 if $answer->can_read(0.0002);
        croak 'nothing is taken' if time > $end;
    }
    return 1;
}


# ---- sending ----------------------------------------------------------------

# Large pieces, then small, at last single bytes: a limit is met by one.
sub pieces {
    my ($body) = @_;

    my $n = length $body;
    my @pieces;
    for my $rest (300, 32) {
        next if $n <= $rest;
        my $step = int(($n - $rest) / 12) + 1;
        for (my $left = $n - $rest; $left > 0; $left -= $step) {
            push @pieces, substr $body, 0, $left < $step ? $left : $step, '';
        }
        $n = $rest;
    }
    return (@pieces, split //, $body);
}


sub chunk { return sprintf "%x\r\n%s\r\n", length $_[0], $_[0] }


sub post {
    my ($way, $server, $h2, $target, $body, %o) = @_;

    my $w = $Ways{$way} or croak "no way \"$way\"";
    return post_h2($w, $h2, $target, $body, %o) if $w->{h2};

    my $s = HXGate::connect_to($o{port} // $server->{port});
    setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1;
    my $head = HXGate::request_text('POST', $target, %o, headers => [
        'Content-Type', 'application/json', @{ $o{headers} // [] },
        $w->{length} ? ('Content-Length', $o{length} // length $body)
                     : ('Transfer-Encoding', 'chunked'),
        $w->{expect} ? ('Expect', '100-continue') : () ]);
    HXGate::send_all($s, $head);

    my ($rest, $continued) = ('', 0);
    if ($w->{expect}) {
        my $r = HXGate::response($s, \$rest);
        if (!$r || $r->{status} != 100) {
            return { %{ $r // {} }, continued => 0, sent => 0, socket => $s };
        }
        $continued = 1;
    }

    my ($bytes, $sent) = (length $head, 0);
    for my $piece ($w->{drip} ? pieces($body) : $body) {
        last if $w->{drip} && !wait_taken($s, $bytes);
        my $text = $w->{length} ? $piece : chunk($piece);
        HXGate::send_all($s, $text) or last;
        $bytes += length $text;
        $sent += length $piece;
    }
    HXGate::send_all($s, "0\r\n\r\n")
        if !$w->{length} && $sent == length $body;

    my $r = HXGate::response($s, \$rest);
    return { %{ $r // {} }, continued => $continued, sent => $sent,
             socket => $s };
}


sub post_h2 {
    my ($w, $port, $target, $body, %o) = @_;

    my @h = @{ $o{headers} // [] };
    push @h, 'x-api-key', $o{key} if defined $o{key};
    push @h, 'authorization', "Bearer $HXGate::ServiceKey" if $o{service};
    push @h, 'content-length', $o{length} // length $body if $w->{length};

    my $c = HXH2->new($port);
    my $id = $c->headers([':method', 'POST', ':scheme', 'http', ':path',
                          $target, ':authority', 'localhost', 'content-type',
                          'application/json', @h]);
    $c->data($id, $body, end => 1);
    my $r = $c->answer($id);
    return { %$r, continued => 0, sent => $c->{out},
             socket => $c->{s}, client => $c,
             json => eval { JSON::PP::decode_json($r->{body}) } };
}

1;
