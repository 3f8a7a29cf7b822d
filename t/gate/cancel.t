# Streams that are reset in the same breath ("rapid reset"): whatever was decided
# of them, they are not answered, the engine hears of none, each has one record,
# and nothing is charged.
use lib 't/lib'; use HX; use HXGate; use HXBlock; use HXH2;
use Test::More;

use strict;
use warnings;

my $H2 = HX::port(3);
my $Static = "$HXGate::Dir/static";
my $Id = 0;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
HXGate::spew($Static, "static\n");

sub server {
    my ($audit, %o) = @_;
    my $ignore = $o{ignore} // 'on';
    my $config = HXGate::config(gate => "proxy_ignore_client_abort $ignore;")
        . "location = /static { alias $Static; error_page 412 /v1/list/prod; }";
    $config =~ s/hx_gate on/hx_gate shadow/ if $o{shadow};
    return HXGate::Server->new(
        config => $config,
        http => HXGate::http_config(audit => "$HXGate::Audit $audit")
            . "server { listen 127.0.0.1:$H2 http2; $config }")->start;
}

sub ask {
    my ($c, $id, $method, $path, %o) = @_;
    my @f = (':method', $method, ':scheme', 'http', ':path', $path,
             ':authority', 'localhost', 'x-request-id', $id);
    push @f, 'x-api-key', $o{key} if defined $o{key};
    push @f, 'content-type', 'application/json' if defined $o{body};
    my $stream = $c->headers([@f, @{ $o{headers} // [] }],
                             end => !defined $o{body});
    $c->data($stream, $o{body}, end => 1) if defined $o{body};
    return $stream;
}

sub list {
    my ($c, $id) = @_;
    return ask($c, $id, 'GET', '/v1/list/prod', key => $HXGate::Key{acme});
}

# What clients send, and who is in its record then: the namespace of a put is in
# the body, which is perhaps not looked at.
my @Ask = (
    [\&list, qr/^acme prod$/],
    [sub { ask(@_, 'POST', '/v1/put', key => $HXGate::Key{acme},
               body => '{"key":"k","namespace":"prod","data_b64":"QUJD"}') },
     qr/^acme (?:prod|null)$/],
    [sub { ask(@_, 'DELETE', '/v1/delete/prod/k', key => $HXGate::Key{acme}) },
     qr/^acme prod$/],
    [sub { ask(@_, 'GET', '/v1/list/other', key => $HXGate::Key{acme}) },
     qr/^acme (?:other|null)$/],
    [sub { ask(@_, 'GET', '/v1/nothing', key => $HXGate::Key{acme}) },
     qr/^acme null$/],
    [sub { ask(@_, 'GET', '/v1/list/prod', key => HXGate::unknown_key()) },
     qr/^null null$/],
    [sub { ask(@_, 'GET', '/v1/list/prod') }, qr/^null null$/],
);

sub heard {
    return join ' ', map { HXGate::sent($_, 'x-request-id') }
        grep { ref } HXGate::upstream_log();
}

# {id: [its records]}, when this one is there
sub records {
    my ($last) = @_;
    my %by;
    HXGate::wait_for("the record of $last", sub {
        %by = ();
        push @{ $by{$_->{request_id}} }, $_ for HXGate::audit();
        return $by{$last};
    });
    return \%by;
}

sub used {
    my ($server) = @_;
    return $server->admin('admin/usage/acme')->{json}{cus_used};
}

sub resets {
    my ($what, $server) = @_;
    my $before = used($server);
    HXGate::upstream_forget();
    my $c = HXH2->new($H2);
    my (%want, @streams, $last);
    $c->at_once(sub {
        for my $ask ((@Ask) x 6) {
            my $id = 'reset-' . ++$Id;
            push @streams, $ask->[0]->($c, $id);
            $c->frame(3, 0, $streams[-1], pack 'N', 8);
            $want{$id} = $ask->[1];
        }
        $last = list($c, 'last-' . ++$Id);
    });
    is $c->answer($last)->{status}, 200, "$what: what comes behind is answered";
    is join(' ', grep { defined $c->{streams}{$_}{status} } @streams), '',
       "$what: those are not";
    is heard(), "last-$Id", "$what: nor does the engine hear of them";

    my $by = records("last-$Id");
    my @wrong;
    for my $id (sort keys %want) {
        my $got = join ', ', map {
            join ' ', $_->{tenant_id} // 'null', $_->{namespace} // 'null',
                $_->{status}, sprintf '%.1f', $_->{cus} } @{ $by->{$id} // [] };
        push @wrong, "$id: $got"
            unless $got =~ s/ 499 0\.0$//r =~ $want{$id};
    }
    is join("\n", @wrong), '', "$what: each has its record";
    is sprintf('%.1f', used($server) - $before), '0.1',
       "$what: nothing is charged for them";
    $c->close;
}

for my $case (['flush=10ms'], ['durability=write'],
              ['flush=10ms', ignore => 'off'])
{
    my ($audit, %o) = @$case;
    my $server = server($audit, %o);
    resets("@$case", $server);

    # what ends the connection ends what it has asked for: DATA for stream 0
    HXGate::upstream_forget();
    my $c = HXH2->new($H2);
    $c->at_once(sub {
        list($c, 'cut-' . ++$Id);
        $c->frame(0, 0, 0, 'x');
    });
    1 while !$c->{gone} && $c->read_frame;
    $c->close;
    is records("cut-$Id")->{"cut-$Id"}[0]{status}, 499,
       "@$case: the connection ends";
    is heard(), '', "@$case: and the engine is not asked";

    # in a filter nobody can wait: the refusal is sent as it is to others
    $c = HXH2->new($H2);
    my $stream = ask($c, 'static-' . ++$Id, 'GET', '/static',
                     headers => ['if-match', '"x"']);
    is $c->answer($stream)->{status},
       $server->request('GET', '/static', headers => ['If-Match', '"x"'])
           ->{status}, "@$case: refused in a filter";
    $c->close;

    is $server->stop, 0, 'nginx stops';
    is join("\n", $server->logged(qr/\[(?:alert|emerg|crit)\]/)), '', 'quietly';
}

# as if there were no gate
my $server = server('flush=10ms', shadow => 1);
HXGate::upstream_forget();
my $c = HXH2->new($H2);
$c->at_once(sub {
    $c->frame(3, 0, list($c, 'shadow-' . ++$Id), pack 'N', 8);
});
HXGate::wait_for('the engine', sub { heard() eq "shadow-$Id" });
is records("shadow-$Id")->{"shadow-$Id"}[0]{outcome}, 'allowed',
   'shadow: the engine is asked';
$c->close;
is $server->stop, 0, 'nginx stops';

done_testing;
