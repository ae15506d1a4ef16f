# The images of Fluxkeeper. The Action's comes last, so that a build without a
# target makes it: the runner names none.
#
# Every builder must be able to build this, the old one without BuildKit too:
# there is no syntax line and no RUN --mount here.

# The compiler is pinned by its digest, and is the one that makes releases
# (tools/release). Where no registry can be reached, name another image.
ARG GO_IMAGE=golang:1.26.8-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d

# The build stage runs on the machine's own platform and compiles for the wanted
# one. The old builder knows neither of the two variables; "linux" stands for
# its own platform there.
FROM --platform=${BUILDPLATFORM:-linux} ${GO_IMAGE} AS build
ARG TARGETARCH
ARG VERSION=devel
WORKDIR /src
COPY go.mod go.sum ./
COPY cmd cmd
COPY internal internal
# The same sources give the same bytes: no paths, no build id, no revision.
RUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    -ldflags "-s -w -buildid= -X main.release=$VERSION" -o /out/fluxkeeper ./cmd/action

FROM build AS build-receiver
# Makes the folder, which the image's user gets.
WORKDIR /out/data
WORKDIR /src
RUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    -ldflags "-s -w -buildid= -X main.release=$VERSION" -o /out/fluxkeeper-receiver ./cmd/receiver

# docker build --target receiver .
# It needs no more than the volume: docker run --read-only --cap-drop ALL works.
FROM scratch AS receiver
LABEL org.opencontainers.image.title="fluxkeeper-receiver" \
    org.opencontainers.image.description="Keeps GitHub's webhook deliveries in a ledger that cannot be edited unseen" \
    org.opencontainers.image.source="https://github.com/goldfish-inc/fluxkeeper" \
    org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE /LICENSE
COPY --from=build-receiver --chown=65532:65532 /out/data /data
COPY --from=build-receiver /out/fluxkeeper-receiver /fluxkeeper-receiver
USER 65532:65532
VOLUME /data
WORKDIR /data
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s CMD ["/fluxkeeper-receiver", "healthcheck"]
ENTRYPOINT ["/fluxkeeper-receiver"]
CMD ["serve"]

FROM scratch AS action
LABEL org.opencontainers.image.title="fluxkeeper" \
    org.opencontainers.image.description="Proves that a Flux image update is only that" \
    org.opencontainers.image.source="https://github.com/goldfish-inc/fluxkeeper" \
    org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE /LICENSE
COPY --from=build /out/fluxkeeper /fluxkeeper
# There is no USER here on purpose. The runner mounts the files for outputs and
# the summary, and the workspace, from the host, where they belong to its own
# user; any other user but root could not write them.
ENTRYPOINT ["/fluxkeeper", "action"]
