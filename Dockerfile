FROM python:3.11-slim-bookworm
# Reports as PDF: pango lays them out, harfbuzz keeps of a font what is used, a CJK font shows them.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
# Backups: pg_dump must not be older than the server (compose.yaml: postgres:18), and Debian's is 15. Its makers'
# own packages, from their source alone and signed with their key, which is known by its checksum.
ADD --checksum=sha256:0144068502a1eddd2a0280ede10ef607d1ec592ce819940991203941564e8e76 --chmod=644 \
    https://www.postgresql.org/media/keys/ACCC4CF8.asc /usr/share/keyrings/pgdg.asc
RUN echo "deb [signed-by=/usr/share/keyrings/pgdg.asc] https://apt.postgresql.org/pub/repos/apt bookworm-pgdg main" \
        > /etc/apt/sources.list.d/pgdg.list \
    && apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client-18 \
    && rm -rf /var/lib/apt/lists/*
ENV JIESU_PG_BIN=/usr/lib/postgresql/18/bin
# A number, so that an orchestrator can see that it is not root; no home, no shell.
RUN groupadd --system --gid 10001 jiesu \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin jiesu
WORKDIR /opt/jiesu
COPY requirements.lock requirements-build.lock pyproject.toml README.md ./
# What builds (ours, and what comes as source) is pinned too: left to itself, pip fetches the newest and runs it as root.
RUN pip install --no-cache-dir --require-hashes -r requirements-build.lock \
    && pip install --no-cache-dir --no-build-isolation --require-hashes -r requirements.lock
COPY models models
COPY nlp nlp
COPY connectors connectors
COPY triage triage
RUN pip install --no-cache-dir --no-build-isolation --no-deps -e . && python -m compileall -q models nlp connectors triage
# The root file system may be read-only: data goes to the volume, what is short-lived to /tmp.
ENV JIESU_DATA_DIR=/var/lib/jiesu
ENV HOME=/tmp ORT_DISABLE_TELEMETRY=1 PYTHONDONTWRITEBYTECODE=1
RUN install -d -o jiesu -m 700 /var/lib/jiesu
VOLUME ["/var/lib/jiesu"]
USER 10001:10001
ENTRYPOINT ["jiesu"]
