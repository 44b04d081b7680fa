FROM python:3.11-slim-bookworm
# Reports as PDF: pango lays them out, harfbuzz keeps of a font what is used, a CJK font shows them.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
# A number, so that an orchestrator can see that it is not root; no home, no shell.
RUN groupadd --system --gid 10001 jiesu \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin jiesu
WORKDIR /opt/jiesu
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY models models
COPY nlp nlp
COPY connectors connectors
COPY triage triage
RUN pip install --no-cache-dir --no-deps -e . && python -m compileall -q models nlp connectors triage
# The root file system may be read-only: data goes to the volume, what is short-lived to /tmp.
ENV JIESU_DATA_DIR=/var/lib/jiesu
ENV HOME=/tmp ORT_DISABLE_TELEMETRY=1 PYTHONDONTWRITEBYTECODE=1
RUN install -d -o jiesu -m 700 /var/lib/jiesu
VOLUME ["/var/lib/jiesu"]
USER 10001:10001
ENTRYPOINT ["jiesu"]
