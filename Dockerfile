# gridmap's service in a container; compose.yaml puts PostGIS beside it.

FROM node:20-bookworm-slim AS front
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY script/vendor script/
RUN npm ci --omit=dev && mkdir static && script/vendor

FROM python:3.11-slim-bookworm AS python
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml ./
COPY gridmap gridmap
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e . \
 && if [ -d gridmap/translations ]; then .venv/bin/pybabel compile -d gridmap/translations; fi

FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends fonts-noto-cjk libpangoft2-1.0-0 \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/gridmap --shell /usr/sbin/nologin gridmap \
 && install -d -o gridmap -g gridmap -m 0700 /var/lib/gridmap
WORKDIR /app
COPY --from=python /app ./
COPY data data
COPY static static
COPY --from=front /app/static/vendor static/vendor
USER gridmap
# GRIDMAP_CONTAINER lets it listen beyond loopback inside the container without TLS; who reaches it is for the engine to
# say: publish the port on 127.0.0.1 only, as compose.yaml does, or set certificate or proxy (docs/security.md).
ENV GRIDMAP_CONTAINER=1 GRIDMAP_HOST=0.0.0.0 GRIDMAP_PORT=8000 GRIDMAP_HOME=/var/lib/gridmap \
    PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
EXPOSE 8000
VOLUME /var/lib/gridmap
HEALTHCHECK --interval=10s --timeout=5s --start-period=180s --retries=6 CMD ["python", "-c", \
  "import os, ssl, http.client as h; port = int(os.environ['GRIDMAP_PORT']); c = h.HTTPSConnection('127.0.0.1', port, timeout=4, context=ssl._create_unverified_context()) if os.environ.get('GRIDMAP_TLS_CERTIFICATE') else h.HTTPConnection('127.0.0.1', port, timeout=4); c.request('GET', '/healthz'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["gridmap"]
CMD ["serve"]
