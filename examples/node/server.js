import http from "node:http";
import pg from "pg";

// RDS accepts only TLS, and node-postgres uses none unless it is told to.
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  ssl: { rejectUnauthorized: false },
});

await pool.query("CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY, item text NOT NULL)");

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

async function answer(request, response) {
  if (request.url === "/healthz") return response.end("ok");
  if (request.url === "/seed" && request.method === "POST" && process.env.PERCH_KIND === "branch") {
    for (const { id, item } of await read(request)) {
      await pool.query("INSERT INTO orders VALUES ($1, $2) ON CONFLICT DO NOTHING", [id, item]);
    }
    return response.writeHead(201).end();
  }
  if (request.url !== "/") return response.writeHead(404).end();
  const { rows } = await pool.query("SELECT item FROM orders ORDER BY id");
  const items = rows.map(({ item }) => `<li>${escape(item)}</li>`).join("");
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(`<h1>${escape(process.env.PERCH_BRANCH ?? "local")}</h1><ul>${items}</ul>`);
}

http
  .createServer((request, response) => {
    answer(request, response).catch((error) => {
      console.error(error);
      response.writeHead(500).end();
    });
  })
  .listen(process.env.PORT ?? 8080);
