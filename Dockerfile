# The server in a container: built in one stage, run in another without build tools, as an ordinary user.

FROM python:3.13-slim AS build
WORKDIR /source
COPY requirements.lock .
RUN python -m venv /opt/holdfast \
    && /opt/holdfast/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . .
RUN /opt/holdfast/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
# PostgreSQL refuses to run as root, so the embedded one needs an ordinary user from the start.
RUN useradd --uid 10001 --create-home --home-dir /var/lib/holdfast holdfast \
    && install --directory --owner holdfast --mode 0700 /data
COPY --from=build /opt/holdfast /opt/holdfast
USER holdfast
WORKDIR /data
ENV PATH=/opt/holdfast/bin:$PATH HOLDFAST_HOST=0.0.0.0 HOLDFAST_DATA=/data
EXPOSE 8090
VOLUME /data
# Clients are let finish (10 s), then PostgreSQL writes its checkpoint: give `docker stop` a longer time than its 10 s.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8090/api/health', timeout=2)"]
ENTRYPOINT ["holdfast"]
CMD ["serve"]
