# The image of the component's jobs: a shell, CA certificates, wasmtime, the module in both its forms, and the
# script that runs it. scripts/image builds it, from a context that holds `wasmtime`, `ami-scheduler.wasm` and
# `ami-scheduler`.
ARG BASE=debian:trixie-slim

FROM $BASE AS compiled
COPY wasmtime ami-scheduler.wasm /compiled/
# Compiling takes seconds of a processor, and each job would do it anew. For any processor of this
# architecture, not for the one that the image happens to be built on; of x86_64 for those with SSE 4.2, which
# RHEL 9 asks for as well: for older ones, too, the same would take nearly twice as long. Unwind tables are for
# native debuggers, and take a tenth of a start.
RUN cpu=$(uname -m) && \
    /compiled/wasmtime compile --target "$cpu-unknown-linux-gnu" $([ "$cpu" != x86_64 ] || echo --codegen cranelift-nehalem) \
      --codegen native-unwind-info=n -o /compiled/ami-scheduler.cwasm /compiled/ami-scheduler.wasm

FROM $BASE
RUN test -e /etc/ssl/certs/ca-certificates.crt || { \
      apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*; }
COPY --from=compiled /compiled/wasmtime /usr/local/bin/
COPY --from=compiled /compiled/ami-scheduler.wasm /compiled/ami-scheduler.cwasm /usr/local/share/ami-scheduler/
COPY ami-scheduler /usr/local/bin/
# wasmtime wants a folder for its cache, and a user without a name has no home.
ENV XDG_CACHE_HOME=/tmp
USER 1000:1000
# No entry point: GitLab starts a shell.
CMD ["/bin/sh"]
