FROM python:3.11-slim-bookworm
RUN useradd --system --create-home jiesu
WORKDIR /opt/jiesu
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY models models
COPY nlp nlp
COPY connectors connectors
COPY triage triage
RUN pip install --no-cache-dir --no-deps -e .
USER jiesu
ENTRYPOINT ["jiesu"]
