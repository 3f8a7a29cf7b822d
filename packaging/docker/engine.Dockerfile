# hx-engine, as a user of its own, port 8000, data in /var/lib/hx-engine.
#   docker build -f packaging/docker/engine.Dockerfile -t hx-engine .
ARG BASE=docker.io/library/debian:12-slim
FROM ${BASE} AS build

WORKDIR /src
COPY . .
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends make \
 && DEBIAN_FRONTEND=noninteractive packaging/deps/install.sh build \
 && make BUILDDIR=/build engine-bin \
 && install -D -t /out /build/release/hx-engine

FROM ${BASE} AS engine

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        libssl3 libyajl2 liblmdb0 libzstd1 zlib1g curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 998 --user-group --home-dir /var/lib/hx-engine --shell /usr/sbin/nologin hx-engine \
 && install -d -o hx-engine -g hx-engine -m 700 /var/lib/hx-engine

COPY --from=build /out/hx-engine /usr/sbin/hx-engine

USER 998:998
ENV HOLONOMIX_HOST=0.0.0.0 \
    HOLONOMIX_DATA_DIR=/var/lib/hx-engine \
    HX_GATE_ENGINE_SERVICE_KEY_FILE=/run/secrets/service_key
EXPOSE 8000
VOLUME ["/var/lib/hx-engine"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
    CMD ["curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:8000/ready"]
CMD ["hx-engine"]
