"""Who and what the conversations are about: people, goods, places, by language."""

from __future__ import annotations

MODELS = ("support-v7", "llama-vision-11b", "coder-32b", "gpt-x", "summarise-3b")
CUSTOMERS = {
    "acme": 30, "northwind": 22, "globex": 16, "initech": 12, "umbrella": 9, "hooli": 8, "stark": 7, "wayne": 6,
    "tyrell": 5, "cyberdyne": 4, "soylent": 4, "wonka": 3, "duff": 3, "pied-piper": 3, "vandelay": 2, "oscorp": 2,
    "gringotts": 1, "bluth": 1,
}  # fmt: skip
DATASETS = ("training-v1", "charts-eval", "receipts", "code-review", "golden")

FIRST = {
    "en": "Maya Daniel Priya Owen Hannah Tomas Aisha Ruth Leo Grace Victor Nadia Samuel Chloe Ibrahim Joanna Kofi Wendy Marcus Elena Ravi Beth Yusuf Carla Noah Tess Emeka Lydia Hugo Iris",
    "fr": "Camille Julien Sophie Karim Élodie Antoine Margaux Théo Inès Baptiste Nadège Mathilde",
    "de": "Anke Jonas Katrin Murat Lena Sebastian Frieda Holger Marlene Stefan Ayla Dieter",
    "es": "Lucía Javier Carmen Andrés Marta Íñigo Pilar Diego Rocío Sergio Elena Álvaro",
}  # fmt: skip
LAST = {
    "en": "Okafor Lindqvist Marsh Patel Byrne Kowalski Adeyemi Novak Fischer Delgado Haddad Whitlock Sorensen Brennan Castillo Ito Mbeki Larkin Rossi Vance",
    "fr": "Lefèvre Morel Benali Garnier Roussel Chevalier Masson Perrin Lambert Colin",
    "de": "Brandt Yilmaz Hoffmann Krüger Seidel Vogt Winkler Lorenz Baumann Peters",
    "es": "Ortega Navarro Iglesias Romero Cabrera Molina Vidal Santos Prieto Rivas",
}  # fmt: skip
PRODUCTS = {
    "en": (
        ("espresso machine", 249.0), ("standing desk", 419.0), ("rain jacket", 89.95), ("bike helmet", 64.5),
        ("air fryer", 119.0), ("wireless headset", 199.0), ("garden hose set", 38.5), ("desk lamp", 45.0),
        ("fitness watch", 112.0), ("cast-iron pan", 54.9), ("robot vacuum", 329.0), ("baby monitor", 94.0),
        ("mechanical keyboard", 139.0), ("tent for four", 274.0), ("wool blanket", 76.0), ("camera tripod", 58.25),
        ("electric kettle", 42.9), ("office chair", 287.0), ("suitcase, medium", 129.0), ("smart doorbell", 159.0),
        ("hedge trimmer", 104.5), ("yoga mat", 31.0), ("bread maker", 148.0), ("wall clock", 36.4),
    ),
    "fr": (
        ("la cafetière italienne", 39.9), ("le vélo pliant", 549.0), ("la valise cabine", 89.0), ("le casque audio", 129.9),
        ("la lampe de bureau", 44.5), ("le blender", 74.0), ("la tente deux places", 159.0), ("le manteau en laine", 189.0),
    ),
    "de": (
        ("die Kaffeemühle", 79.9), ("den Rucksack", 94.5), ("die Stehlampe", 119.0), ("das Zelt", 239.0),
        ("den Wasserkocher", 49.9), ("die Bohrmaschine", 134.0), ("das Hochbeet", 88.0), ("den Bürostuhl", 269.0),
    ),
    "es": (
        ("la freidora de aire", 99.9), ("el patinete eléctrico", 389.0), ("la mochila", 54.9), ("la silla de oficina", 179.0),
        ("el robot aspirador", 259.0), ("la cafetera", 69.5), ("la bicicleta estática", 219.0), ("el ventilador", 47.0),
    ),
}  # fmt: skip
MACHINES = (
    ("espresso machine", 249.0), ("air fryer", 119.0), ("wireless headset", 199.0), ("robot vacuum", 329.0),
    ("baby monitor", 94.0), ("mechanical keyboard", 139.0), ("electric kettle", 42.9), ("smart doorbell", 159.0),
    ("hedge trimmer", 104.5), ("bread maker", 148.0), ("soundbar", 219.0), ("e-reader", 129.0), ("food processor", 174.0),
)  # fmt: skip
CITIES = {
    "en": "Leeds Bristol Portland Dublin Cardiff Austin Norwich Boise Galway Edinburgh Tucson Halifax Bath Madison Perth Oxford Omaha Belfast York Denver",
    "fr": "Lyon Nantes Lille Rennes Toulouse Genève Namur Dijon Bordeaux Metz",
    "de": "Hamburg Leipzig Köln Graz Basel Bremen Dresden Mainz Kiel Augsburg",
    "es": "Sevilla Bilbao Valencia Granada Zaragoza Vigo Murcia León Cádiz Gijón",
}  # fmt: skip
CARRIERS = ("DHL", "UPS", "FedEx", "GLS", "DPD", "Royal Mail")
STREETS = ("Mill Lane", "Harbour Street", "Elm Road", "Station Road", "Kingsway", "Orchard Close", "Bridge Street")
BRANDS = ("Halden", "Fernway", "Castor & Pine", "Lumen Home", "Oakhurst", "Brightside", "Nordlys", "Marlow")
AIRLINES = ("Nordair", "Aquila", "BlueFin Air", "Transalba", "Kestrel")
HOTELS = (
    "Hotel Miramar",
    "The Gannet",
    "Casa Olivo",
    "Hotel Polaris",
    "The Old Mill",
    "Pension Linde",
    "Harbour House",
)
DAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
}
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
TABLES = (
    "orders",
    "payments",
    "shipments",
    "sessions",
    "invoices",
    "events",
    "bookings",
    "tickets",
    "signups",
    "readings",
)
COLUMNS = ("status", "country", "region", "plan", "channel", "warehouse", "currency", "device")
MEASURES = ("amount", "duration_ms", "quantity", "weight_kg", "net_price", "minutes")
LOADERS = ("load_rows", "read_events", "parse_feed", "load_orders", "read_readings", "import_visits")
SERVICES = ("billing-api", "search-indexer", "mailer", "auth-gateway", "report-worker", "image-proxy", "cart", "ledger")
FILES = ("export.py", "sync.py", "report.py", "loader.py", "importer.py", "parse_feed.py", "rates.py", "reconcile.py")
FUNCTIONS = ("load_rows", "sync_catalogue", "parse_feed", "build_index", "send_digest", "merge_accounts", "price_for")
BRANCHES = ("feature/export-v2", "fix/rounding", "refactor-auth", "release/4.8", "spike/cache", "feature/dark-mode")
